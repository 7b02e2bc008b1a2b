//! Numbers and switches among the settings: what is wanted is said, and what stands there is not
//! shown.

use std::ops::RangeInclusive;

/// Reads a whole number of the range.
pub fn whole(
    range: RangeInclusive<u32>,
) -> impl Fn(&str) -> Result<u32, String> + Clone + Send + Sync + 'static {
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| {
            format!("must be a whole number from {} to {}", range.start(), range.end())
        })
    }
}

/// Reads a switch, in any case.
///
/// # Errors
/// Says what is wanted.
pub fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "on" | "1" => Ok(true),
        "false" | "f" | "no" | "n" | "off" | "0" => Ok(false),
        _ => Err("must be true or false".into()),
    }
}

/// The port of a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port {
    number: u16,
    is_of_kubernetes: bool,
}

impl Port {
    /// 0 for a free one.
    pub fn number(self) -> u16 {
        self.number
    }

    /// Whether the variable was not ours but an address that Kubernetes put there.
    pub fn is_of_kubernetes(self) -> bool {
        self.is_of_kubernetes
    }
}

/// Reads a port. Beside a Service named `gateway` or `product-service`, Kubernetes sets a variable of
/// the same name as ours, `tcp://10.96.0.9:3001`, in each pod: it stands for `default`.
pub fn port_or(
    default: u16,
) -> impl Fn(&str) -> Result<Port, String> + Clone + Send + Sync + 'static {
    move |text| {
        let is_of_kubernetes =
            ["tcp://", "udp://", "sctp://"].iter().any(|scheme| text.starts_with(scheme));
        if is_of_kubernetes {
            return Ok(Port { number: default, is_of_kubernetes });
        }
        text.parse().map(|number| Port { number, is_of_kubernetes }).map_err(|_| {
            "must be a port, a whole number from 0 to 65535; 0 takes a free one".into()
        })
    }
}
