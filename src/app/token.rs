//! `chronos token`: a token for who holds the key, without a gateway that hands them out.

use super::settings::TokenArgs;

/// Prints a token, and nothing else, on stdout.
///
/// # Errors
/// A [`crate::kernel::error::Refusal`] without a key, or with one that a gateway would refuse, and
/// where the gateway is left out; when the token cannot be printed.
pub fn token(args: &TokenArgs) -> anyhow::Result<()> {
    #[cfg(feature = "gateway")]
    {
        command::token(args)
    }
    #[cfg(not(feature = "gateway"))]
    {
        let _nobody_to_take_it = args;
        let missing = "token needs the gateway module; build with --features gateway";
        Err(crate::kernel::error::Refusal(missing.into()).into())
    }
}

#[cfg(feature = "gateway")]
mod command {
    use super::TokenArgs;
    use crate::gateway::TokenKeys;
    use crate::kernel::error::Refusal;
    use crate::kernel::streams;
    use anyhow::Context;

    pub(super) fn token(args: &TokenArgs) -> anyhow::Result<()> {
        let secret = args.jwt_secret.as_ref().ok_or_else(|| {
            Refusal("JWT_SECRET (--jwt-secret): must be set, to the key of the gateways".into())
        })?;
        secret.check().map_err(|reason| Refusal(format!("JWT_SECRET (--jwt-secret): {reason}")))?;
        let keys = TokenKeys::new(Some(secret), false)?;
        let (user, email) = (args.user.clone(), args.email.clone());
        let token = keys.issue_for(user, email, args.ttl.into())?.ok_or_else(|| {
            Refusal("--user and --email: too long for a token that a gateway takes".into())
        })?;
        streams::say(token).context("writing the token to stdout")
    }
}
