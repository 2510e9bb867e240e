//! How many files and sockets this process may have open.

use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};

use crate::config::ServerConfig;

/// Descriptors for all but callers: models, the log, requests for the page and for health.
const SPARE: usize = 128;

/// Raises the limit as far as the system lets this process, and says so if that is not enough for
/// the callers of these settings.
pub(crate) fn provide(settings: &ServerConfig) {
    let needed = needed(settings);
    let allowed = match raise() {
        Ok(allowed) => allowed,
        Err(error) => return tracing::warn!(%error, "could not raise the limit of open files"),
    };
    tracing::debug!(allowed, "open files");
    if allowed < needed {
        tracing::warn!(
            allowed,
            needed,
            "fewer open files are allowed than max_connections and waiting_room take: the last \
             callers will find no way in; raise the limit (LimitNOFILE= of the unit, `ulimit -Hn`)"
        );
    }
}

/// The limit that is in force afterwards.
fn raise() -> nix::Result<rlim_t> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    Ok(hard)
}

/// A socket for each caller and each who waits, and a file for each conversation that is recorded.
fn needed(settings: &ServerConfig) -> rlim_t {
    let records = !settings.record.as_os_str().is_empty();
    let each = if records { 2 } else { 1 };
    let callers = settings.max_connections.saturating_mul(each);
    let all = callers.saturating_add(settings.waiting_room).saturating_add(SPARE);
    rlim_t::try_from(all).unwrap_or(rlim_t::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::config::Config;

    #[test]
    fn each_caller_takes_a_socket_and_perhaps_a_file() {
        let mut config = Config::load(None, &HashMap::new()).expect("the defaults are right");
        config.server.max_connections = 5_000;
        config.server.waiting_room = 20;
        assert_eq!(needed(&config.server), 5_020 + 128);
        config.server.record = "calls".into();
        assert_eq!(needed(&config.server), 10_020 + 128);
        config.server.max_connections = usize::MAX;
        assert_eq!(needed(&config.server), rlim_t::MAX);
    }

    #[test]
    fn all_that_the_system_gives_is_taken() {
        let allowed = raise().expect("a process may raise its own limit");
        assert_eq!(getrlimit(Resource::RLIMIT_NOFILE), Ok((allowed, allowed)));
    }
}
