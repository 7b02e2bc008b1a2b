//! The web origins whose pages may call the API.

use http::Uri;
use std::str::FromStr;

/// Origins as browsers write them in `Origin`: `https://shop.example`, `http://localhost:5173`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedOrigins(Vec<String>);

impl AllowedOrigins {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl FromStr for AllowedOrigins {
    type Err = String;

    fn from_str(text: &str) -> Result<AllowedOrigins, String> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        entries.map(origin).collect::<Result<_, _>>().map(AllowedOrigins)
    }
}

/// The origin in the form in which browsers send it: they leave out the port that the scheme implies.
fn origin(entry: &str) -> Result<String, String> {
    let refused = |reason: &str| {
        Err(format!("holds \"{entry}\", {reason}; write origins such as https://shop.example"))
    };
    if entry.contains('*') || entry == "null" {
        return refused("which is no single origin");
    }
    let lower = entry.to_ascii_lowercase();
    let Some((scheme, rest)) = lower.split_once("://") else {
        return refused("which has no scheme");
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    let uri: Option<Uri> = format!("{scheme}://{rest}").parse().ok();
    match uri {
        Some(uri)
            if uri
                .host()
                .is_some_and(|host| !host.is_empty() && has_good_port(&uri, host, rest))
                && rest.bytes().all(is_plain) =>
        {
            let implied = match scheme {
                "https" => ":443",
                "http" => ":80",
                _ => "",
            };
            let rest = match rest.strip_suffix(implied) {
                Some(host) if !implied.is_empty() => host,
                _ => rest,
            };
            Ok(format!("{scheme}://{rest}"))
        }
        _ => refused("which is no scheme, host and port alone"),
    }
}

/// Whether there is nothing behind the host, or a port that can be one.
fn has_good_port(uri: &Uri, host: &str, rest: &str) -> bool {
    rest == host || uri.port_u16().is_some()
}

#[cfg(test)]
mod tests {
    use super::AllowedOrigins;

    #[test]
    fn an_origin_is_kept_as_browsers_send_it() {
        let text =
            " https://Shop.Example:443 ,http://localhost:5173/,http://[::1]:80,app://console";
        let origins: AllowedOrigins = text.parse().expect("good ones");
        let shown: Vec<&str> = origins.iter().collect();
        let expected =
            ["https://shop.example", "http://localhost:5173", "http://[::1]", "app://console"];
        assert_eq!(shown, expected);
        assert!("".parse::<AllowedOrigins>().expect("none").is_empty());
    }

    #[test]
    fn what_is_no_single_origin_is_refused() {
        for text in [
            "*",
            "null",
            "https://*.example",
            "shop.example",
            "https://",
            "https://shop.example/path",
            "https://shop.example?x",
            "https://user@shop.example",
            "https://shop.example:",
            "https://shop.example:99999",
            "https://shop.example:+1",
            "https://shop.example:1:2",
            "https://[::1",
            "https://größe.example",
            "https://a b",
        ] {
            let refused = text.parse::<AllowedOrigins>().expect_err(text);
            assert!(refused.contains(text), "{refused}");
        }
    }
}
