//! Follows how the engines fare: the door hears of the pressure, callers and the log of engines that do
//! not answer.

use engine::{Trouble, Wrong};

use crate::serve::Shared;

/// Follows the engines for as long as the server runs.
pub(crate) async fn watch(shared: &Shared) {
    let Some(mut watch) = shared.watch().await else {
        // the models will never be loaded, and the server is about to stop
        return std::future::pending().await;
    };
    let mut known: Vec<Trouble> = Vec::new();
    loop {
        let pressure = watch.pressure();
        if pressure != shared.admission.pressure() {
            tracing::info!(?pressure, "how busy the models are");
            shared.admission.feel(pressure);
        }
        let troubles = watch.troubles();
        tell_log(&known, &troubles);
        let outage = !troubles.is_empty();
        shared.outage.send_if_modified(|told| std::mem::replace(told, outage) != outage);
        known = troubles;
        watch.changed().await;
    }
}

/// Each trouble is told once when it begins, and once when it is over.
fn tell_log(before: &[Trouble], now: &[Trouble]) {
    for Trouble { engine, wrong, since } in without(now, before) {
        let for_s = since.as_secs();
        match wrong {
            Wrong::Stuck => {
                tracing::error!(engine, for_s, "an engine is stuck: a step does not end");
            }
            Wrong::Lost => tracing::error!(engine, "an engine is lost: a thread of it has ended"),
        }
    }
    for Trouble { engine, .. } in without(before, now) {
        tracing::warn!(engine, "the engine answers again");
    }
}

/// Those of `some` that are not among `others`.
fn without<'a>(some: &'a [Trouble], others: &'a [Trouble]) -> impl Iterator<Item = &'a Trouble> {
    let same =
        |one: &Trouble, other: &Trouble| one.engine == other.engine && one.wrong == other.wrong;
    some.iter().filter(move |one| !others.iter().any(|other| same(one, other)))
}
