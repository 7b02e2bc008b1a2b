//! What proxies say of whom they forward: `X-Forwarded-For`, and `Forwarded` (RFC 7239).
//!
//! Only reads: whom to believe is not decided here.

use std::net::{IpAddr, Ipv6Addr};

/// The hops of one header line, the nearest one last; `None` is a hop that names no address.
pub(super) type Hops = Vec<Option<IpAddr>>;

/// `203.0.113.7, 203.0.113.8:51001, [2001:db8::1]:443`. Empty entries say nothing.
pub(super) fn by_list(line: &[u8]) -> Hops {
    // Split before it is read as text: what a client sends in bytes that are none must not hide what
    // a proxy has added behind it.
    let entries = line.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let entries = entries.filter(|entry| !entry.is_empty());
    let address = |entry| {
        let text = std::str::from_utf8(entry).ok()?;
        let quoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        node(quoted.unwrap_or(text).trim())
    };
    entries.map(address).collect()
}

/// `for=203.0.113.7;proto=https, For="[2001:db8::1]:443", for=_hidden`. A line that is not
/// well-formed is one hop that names no address: in it, one cannot tell what a proxy has added.
pub(super) fn by_standard(line: &[u8]) -> Hops {
    std::str::from_utf8(line).ok().and_then(elements).unwrap_or_else(|| vec![None])
}

fn elements(line: &str) -> Option<Hops> {
    let mut hops = Vec::new();
    let mut rest = line;
    loop {
        // One element: pairs with `;` between them, any of which may be missing.
        let mut client = None;
        let mut is_empty = true;
        let separator = loop {
            rest = rest.trim_start_matches(is_space);
            if !rest.is_empty() && !rest.starts_with([';', ',']) {
                let (name, behind) = rest.split_once('=')?;
                let (value, behind) = value(behind)?;
                if name.is_empty() || !name.chars().all(is_token_char) {
                    return None;
                }
                if name.eq_ignore_ascii_case("for") && client.replace(node(&value)).is_some() {
                    return None;
                }
                (rest, is_empty) = (behind.trim_start_matches(is_space), false);
            }
            let separator = rest.chars().next();
            rest = rest.get(1..).unwrap_or_default();
            match separator {
                Some(';') => {}
                None | Some(',') => break separator,
                Some(_) => return None,
            }
        };
        if !is_empty {
            hops.push(client.flatten());
        }
        if separator.is_none() {
            return Some(hops);
        }
    }
}

/// A token, or a quoted string without its quotes, and what stands behind it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        // Colons and brackets would have to be quoted, and often are not.
        let is_end = |c: char| matches!(c, ';' | ',' | '"') || is_space(c);
        let end = text.find(is_end).unwrap_or(text.len());
        return (end > 0).then(|| (text[..end].to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            c => value.push(c),
        }
    }
    None
}

/// The address of a node: with or without a port, which may be an obfuscated one. `None` for
/// `unknown`, for an obfuscated name, and for what is neither.
fn node(text: &str) -> Option<IpAddr> {
    if let Some(bracketed) = text.strip_prefix('[') {
        let (address, port) = bracketed.split_once(']')?;
        let is_whole = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return v6(address).filter(|_| is_whole).map(IpAddr::V6);
    }
    let plain = || text.parse().ok().or_else(|| v6(text).map(IpAddr::V6));
    let with_port = || {
        let (address, port) = text.rsplit_once(':')?;
        address.parse().ok().filter(|_| is_port(port)).map(IpAddr::V4)
    };
    plain().or_else(with_port)
}

/// Without the zone that it may have.
fn v6(text: &str) -> Option<Ipv6Addr> {
    text.split('%').next().unwrap_or(text).parse().ok()
}

fn is_port(text: &str) -> bool {
    match text.strip_prefix('_') {
        Some(name) => {
            !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        }
        None => text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok(),
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

fn is_token_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

#[cfg(test)]
mod tests {
    use super::{by_list, by_standard};
    use proptest::collection::vec;
    use proptest::prelude::any;
    use proptest::{prop_assert, prop_assert_eq, proptest};
    use std::net::IpAddr;

    proptest! {
        #[test]
        fn an_address_is_read_in_every_form(address in any::<IpAddr>(), port in any::<u16>()) {
            let bracketed = match address {
                IpAddr::V4(v4) => v4.to_string(),
                IpAddr::V6(v6) => format!("[{v6}]"),
            };
            let forms = [
                address.to_string(), bracketed.clone(), format!("{bracketed}:{port}"),
                format!("{bracketed}:_secret"),
            ];
            for form in forms {
                for listed in [form.clone(), format!("\"{form}\""), format!(", {form} ,")] {
                    prop_assert_eq!(by_list(listed.as_bytes()), vec![Some(address)], "{}", listed);
                }
                for element in [
                    format!("for=\"{form}\""), format!("For={form}"), format!(",; FOR=\"{form}\";by=_x ,"),
                    format!("proto=https;by=\"a,;\\\"b\";fOr=\"{form}\""),
                ] {
                    prop_assert_eq!(by_standard(element.as_bytes()), vec![Some(address)], "{}", element);
                }
            }
        }

        /// Whatever a client sends, it cannot make what a proxy adds read as something else.
        #[test]
        fn what_a_proxy_adds_is_read_or_nothing_is(
            sent in "[a-z=\";, \\\\.0-9:\\[\\]]{0,30}", bytes in vec(any::<u8>(), 0..20),
        ) {
            let address = "192.0.2.43".parse().ok();
            for added in ["for=192.0.2.43", "for=\"192.0.2.43:4711\";proto=http"] {
                for sent in [sent.as_bytes(), &bytes] {
                    let line = [sent, b", ", added.as_bytes()].concat();
                    let hops = by_standard(&line);
                    prop_assert!([Some(&address), Some(&None)].contains(&hops.last()), "{:?}", hops);
                }
            }
            let list = [bytes.as_slice(), b", 192.0.2.43:80"].concat();
            let hops = by_list(&list);
            prop_assert_eq!(hops.last(), Some(&address));
        }
    }
}
