//! Who asks a name server: a key that both know (RFC 8945).

use crate::{
    action::{Clients, Default, Parameter, Params, Shape, Trouble},
    model::Diagnostic,
};
use data_encoding::BASE64;
use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{
        Name, TSigner,
        rdata::tsig::{TsigAlgorithm, TsigError},
    },
};

pub(super) const KEY: Parameter =
    Parameter::required("key", Shape::Text, "The name of the TSIG key that signs the update");
pub(super) const SECRET: Parameter = Parameter::required(
    "secret",
    Shape::Secret,
    "The key itself, in base64 as `tsig-keygen` prints it",
);
pub(super) const ALGORITHM: Parameter = Parameter::optional(
    "algorithm",
    Shape::Choice(&["hmac-sha256", "hmac-sha384", "hmac-sha512"]),
    "How it signs",
)
.or(Default::Text("hmac-sha256"));

/// How far the clocks may be apart (RFC 8945, 10: 300 seconds is recommended).
const FUDGE: u16 = 300;

/// A key, by the name of its secret.
pub(super) struct Key {
    name: Name,
    secret: String,
    algorithm: TsigAlgorithm,
}

impl Key {
    pub(super) fn of(params: &Params<'_>) -> Result<Self, Diagnostic> {
        let given = params.text("key")?;
        let name = Name::from_ascii(&given).map_err(|_| {
            Diagnostic::at(params.span("key"), format!("`{given}` is no name of a key"))
        })?;
        let algorithm = match params.text("algorithm")?.as_str() {
            "hmac-sha384" => TsigAlgorithm::HmacSha384,
            "hmac-sha512" => TsigAlgorithm::HmacSha512,
            _ => TsigAlgorithm::HmacSha256,
        };
        Ok(Self { name, secret: params.text("secret")?, algorithm })
    }

    /// Signs a message, and gives what verifies the answer to it.
    pub(super) async fn sign(
        &self,
        clients: &Clients,
        mut message: Message,
    ) -> Result<(Vec<u8>, Verifier), Trouble> {
        let secret = clients.secrets.secret(&self.secret).await?;
        let wrong = |why: &str| Trouble::odd(format!("the key `{}` {why}", self.name));
        let key = BASE64.decode(secret.expose().trim().as_bytes());
        let key = key.map_err(|_| wrong("is not in base64"))?;
        let signer = TSigner::new(key, self.algorithm.clone(), self.name.clone(), FUDGE);
        let signer = signer.map_err(|_| wrong("cannot sign"))?;
        let now = u64::try_from(clients.clock.now().as_second()).unwrap_or_default();
        let verifier = message.finalize(&signer, now);
        let verifier = verifier.ok().flatten().ok_or_else(|| wrong("cannot sign"))?;
        let bytes = message.to_vec().map_err(|_| wrong("cannot sign"))?;
        Ok((bytes, Verifier(verifier)))
    }
}

/// What knows the signature of a message, and with it that of its answer.
pub(super) struct Verifier(hickory_proto::rr::TSigVerifier);

/// An answer, and what it says of our signature.
pub(super) struct Answered {
    pub(super) code: ResponseCode,
    pub(super) error: Option<TsigError>,
}

impl Verifier {
    /// Reads an answer. Only who knows the key may say that something was done; a no may come from whoever is there.
    pub(super) fn read(mut self, bytes: &[u8]) -> Result<Answered, String> {
        let message = Message::from_vec(bytes).map_err(|error| error.to_string())?;
        let code = message.metadata.response_code;
        if code == ResponseCode::NoError && self.0.verify(bytes).is_err() {
            return Err("it says yes, and does not prove who it is".to_owned());
        }
        Ok(Answered { code, error: message.signature().and_then(|record| record.data.error) })
    }
}

/// What a no means.
pub(super) fn says(answered: &Answered) -> String {
    match answered.error {
        Some(TsigError::BadKey) => "it does not know this key".to_owned(),
        Some(TsigError::BadSig) => "it knows another key of this name".to_owned(),
        Some(TsigError::BadTime) => {
            "its clock and that of this machine are more than 5 min apart".to_owned()
        }
        _ => match answered.code {
            ResponseCode::Refused => {
                "it refuses: the key may not change this name here, or it is no primary of the zone"
                    .to_owned()
            }
            ResponseCode::NotAuth => "it does not serve this zone, or not to this key".to_owned(),
            ResponseCode::NotZone => "the name is not in the zone".to_owned(),
            ResponseCode::ServFail => "it failed".to_owned(),
            other => format!("it answered {other}"),
        },
    }
}
