//! What a plain scalar means: the core schema of YAML 1.2, without its traps.

use crate::model::Value;

pub(super) enum Reading {
    Value(Value),
    /// It looks like a number and is none that a runbook can use.
    Odd(String),
}

pub(super) fn read(text: &str) -> Reading {
    let value = match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ if is_number(text) => return number(text),
        _ => return based(text).unwrap_or_else(|| Reading::Value(Value::Text(text.to_owned()))),
    };
    Reading::Value(value)
}

/// `[-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn is_number(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let unsigned = |text: &str| text.strip_prefix(['-', '+']).unwrap_or(text).to_owned();
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa = unsigned(mantissa);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((&mantissa, ""));
    let has_digits = !(whole.is_empty() && fraction.is_empty());
    has_digits
        && digits(whole)
        && digits(fraction)
        && exponent.map(unsigned).is_none_or(|e| !e.is_empty() && digits(&e))
}

fn number(text: &str) -> Reading {
    let unsigned = text.trim_start_matches(['-', '+']);
    let leads_with_zero =
        unsigned.len() > 1 && unsigned.starts_with('0') && unsigned.as_bytes()[1].is_ascii_digit();
    if leads_with_zero {
        return Reading::Odd(format!("`{text}` begins with a zero: some read it as octal"));
    }
    let float = || text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::Float);
    let is_whole = unsigned.bytes().all(|byte| byte.is_ascii_digit());
    let value = if is_whole { text.parse().ok().map(Value::Int) } else { float() };
    value
        .map_or_else(|| Reading::Odd(format!("`{text}` is too large for a number")), Reading::Value)
}

/// `0o17`, `0xFF`, and the infinities.
fn based(text: &str) -> Option<Reading> {
    let (digits, radix) = match text.get(..2) {
        Some("0o") => (&text[2..], 8),
        Some("0x") => (&text[2..], 16),
        _ => {
            let name = text.trim_start_matches(['-', '+']).to_lowercase();
            return matches!(name.as_str(), ".inf" | ".nan")
                .then(|| Reading::Odd(format!("`{text}` is not a number that can be used")));
        }
    };
    let fits = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    fits.then(|| match i64::from_str_radix(digits, radix) {
        Ok(number) => Reading::Value(Value::Int(number)),
        Err(_) => Reading::Odd(format!("`{text}` is too large for a number")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Option<Value> {
        match read(text) {
            Reading::Value(value) => Some(value),
            Reading::Odd(_) => None,
        }
    }

    #[test]
    fn yes_on_and_dates_are_texts() {
        for text in
            ["yes", "no", "on", "off", "y", "1_000", "12:30", "2026-01-02", "1.2.3", "e3", "-", "."]
        {
            assert_eq!(value(text), Some(Value::Text(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn numbers_are_those_of_the_core_schema() {
        let cases = [
            ("0", Value::Int(0)),
            ("-17", Value::Int(-17)),
            ("+1", Value::Int(1)),
            ("0x1F", Value::Int(31)),
            ("0o17", Value::Int(15)),
            ("1.5", Value::Float(1.5)),
            (".5", Value::Float(0.5)),
            ("2e3", Value::Float(2000.0)),
            ("~", Value::Null),
            ("True", Value::Bool(true)),
        ];
        for (text, expected) in cases {
            assert_eq!(value(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn numbers_that_readers_disagree_on_are_refused() {
        for text in ["007", "-01", "99999999999999999999", "1e999", ".inf", "-.Inf", ".NaN"] {
            assert_eq!(value(text), None, "{text}");
        }
    }
}
