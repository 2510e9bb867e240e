//! The model store as the settings and the environment describe it.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use etcetera::BaseStrategy;
use models::{Catalogue, Secret, Settings, Store};

use crate::config::Config;

/// The store. Nothing is read or created yet.
pub(crate) fn open(config: &Config, environment: &HashMap<String, String>) -> Result<Store> {
    let variable = |name: &str| environment.get(name).filter(|value| !value.is_empty());
    let settings = &config.models;
    let mut store = Settings::new(directory(&settings.dir)?);
    store.offline = settings.offline;
    store.pip_index_url = variable("PIP_INDEX_URL").map(|url| Secret::from(url.as_str()));
    store.pip_cert = variable("PIP_CERT").or(variable("SSL_CERT_FILE")).map(PathBuf::from);
    store.hf_token = variable("HF_TOKEN").map(|token| Secret::from(token.as_str()));
    if let Some(endpoint) = variable("HF_ENDPOINT") {
        store.hf_endpoint.clone_from(endpoint);
    }
    let extra = &settings.catalogue;
    let extra = (!extra.as_os_str().is_empty()).then_some(extra);
    let catalogue = Catalogue::load(extra.as_slice())?;
    Ok(Store::new(store, catalogue))
}

fn directory(configured: &Path) -> Result<PathBuf> {
    if !configured.as_os_str().is_empty() {
        return Ok(configured.to_owned());
    }
    let strategy = etcetera::choose_base_strategy()
        .context("there is no home directory: set [models] dir or REPARTEE_MODELS_DIR")?;
    Ok(strategy.data_dir().join("repartee").join("models"))
}
