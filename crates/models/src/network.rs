use std::fs;
use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ureq::http::header::{ACCEPT, AUTHORIZATION, RANGE};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, ResponseExt as _, http::Response};

use crate::address::Address;
use crate::error::Cause;
use crate::progress::{Event, Progress};
use crate::settings::{Secret, Settings};

/// Longest page of an index that is read: the longest known ones are a tenth of it.
const LONGEST_PAGE: u64 = 256 * 1024 * 1024;
/// A host that does not take the connection by then is not there.
const CONNECT: Duration = Duration::from_secs(15);

/// Talks HTTP, patiently.
pub(crate) struct Network {
    settings: Settings,
    /// Made when first needed: reading the system's certificates takes a while.
    agent: OnceLock<Agent>,
}

/// One thing to ask for.
pub(crate) struct Request<'a> {
    pub(crate) address: &'a Address,
    pub(crate) authorization: Option<&'a Secret>,
    pub(crate) accept: &'static str,
    /// The first byte wanted.
    pub(crate) from: u64,
}

/// A page as it came.
pub(crate) struct Page {
    /// Where it came from in the end.
    pub(crate) address: Address,
    pub(crate) content_type: String,
    pub(crate) text: String,
}

impl Network {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, agent: OnceLock::new() }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Loads a page, with retries.
    pub(crate) fn page(
        &self,
        address: &Address,
        accept: &'static str,
        progress: &dyn Progress,
    ) -> Result<Page, Cause> {
        let authorization = address.authorization();
        let request = Request { address, authorization, accept, from: 0 };
        let mut patience = self.patience();
        loop {
            match self.try_page(&request) {
                Err(cause) => patience.retry_or_fail(cause, progress)?,
                page => return page,
            }
        }
    }

    fn try_page(&self, request: &Request<'_>) -> Result<Page, Cause> {
        let mut response = self.get(request)?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(Cause::Status { url: request.address.to_string(), status });
        }
        let address = request.address.moved_to(&response.get_uri().to_string());
        let content_type = header(&response, "content-type").unwrap_or_default().to_lowercase();
        let body = response.body_mut().with_config().limit(LONGEST_PAGE);
        let text = body.read_to_string().map_err(|e| Cause::network(request.address, e))?;
        Ok(Page { address, content_type, text })
    }

    /// Asks once. Any status is an answer; only no answer is an error.
    pub(crate) fn get(&self, request: &Request<'_>) -> Result<Response<Body>, Cause> {
        let mut call = self.agent()?.get(request.address.url()).header(ACCEPT, request.accept);
        if let Some(authorization) = request.authorization {
            call = call.header(AUTHORIZATION, authorization.reveal());
        }
        if request.from > 0 {
            call = call.header(RANGE, format!("bytes={}-", request.from));
        }
        call.call().map_err(|error| failed(request.address, &error))
    }

    /// A fresh count of failures.
    pub(crate) fn patience(&self) -> Patience {
        let Settings { retries, pause, .. } = self.settings;
        Patience { left: retries, pause, retries, first_pause: pause }
    }

    fn agent(&self) -> Result<&Agent, Cause> {
        if let Some(agent) = self.agent.get() {
            return Ok(agent);
        }
        let roots = trusted_roots(self.settings.pip_cert.as_deref())?;
        let tls = TlsConfig::builder().root_certs(RootCerts::Specific(Arc::new(roots))).build();
        let silence = Some(self.settings.silence);
        let config = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT.min(self.settings.silence)))
            .timeout_recv_response(silence)
            .timeout_per_read(silence)
            .user_agent("repartee")
            .build();
        Ok(self.agent.get_or_init(|| config.into()))
    }
}

/// How many failures in a row are still borne.
pub(crate) struct Patience {
    left: u32,
    pause: Duration,
    retries: u32,
    first_pause: Duration,
}

impl Patience {
    /// Waits before the next try, or gives `cause` back when no further try makes sense.
    pub(crate) fn retry_or_fail(
        &mut self,
        cause: Cause,
        progress: &dyn Progress,
    ) -> Result<(), Cause> {
        if self.left == 0 || !cause.may_pass() {
            return Err(cause);
        }
        progress.on(Event::Retrying { problem: &cause.to_string(), pause: self.pause });
        wait(self.pause);
        self.left -= 1;
        self.pause *= 2;
        Ok(())
    }

    /// Something got through: the failures before do not count any more.
    pub(crate) fn restore(&mut self) {
        (self.left, self.pause) = (self.retries, self.first_pause);
    }
}

/// What made a call fail. A server that is not who it says it is stays so: waiting does not help.
fn failed(address: &Address, error: &ureq::Error) -> Cause {
    let problem = error.to_string();
    // The type that says so belongs to the TLS library, which is not ours to name.
    if problem.contains("invalid peer certificate") {
        return Cause::Untrusted { url: address.to_string(), problem };
    }
    Cause::network(address, problem)
}

/// The first value of a header, where it is text.
pub(crate) fn header<'a>(response: &'a Response<Body>, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

/// The system's certificates and, on top, those of `own`.
fn trusted_roots(own: Option<&Path>) -> Result<Vec<Certificate<'static>>, Cause> {
    let system = rustls_native_certs::load_native_certs();
    let mut roots: Vec<_> =
        system.certs.iter().map(|der| Certificate::from_der(der.as_ref()).to_owned()).collect();
    if let Some(path) = own {
        roots.extend(read_certificates(path)?);
    }
    Ok(roots)
}

fn read_certificates(path: &Path) -> Result<Vec<Certificate<'static>>, Cause> {
    let from = path.display().to_string();
    let pem = fs::read(path)
        .map_err(|error| Cause::Certificates { from: from.clone(), problem: error.to_string() })?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
            Ok(_) => {}
            Err(error) => return Err(Cause::Certificates { from, problem: error.to_string() }),
        }
    }
    if certificates.is_empty() {
        return Err(Cause::Certificates { from, problem: "there are none in it".to_owned() });
    }
    Ok(certificates)
}

/// Waits on a channel that nobody sends on.
fn wait(pause: Duration) {
    let (_held, silent) = sync_channel::<()>(1);
    let _ = silent.recv_timeout(pause);
}
