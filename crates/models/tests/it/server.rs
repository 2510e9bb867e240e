//! A small HTTP server that remembers what it was asked.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// What a client asked for.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) path: String,
    /// Names in lower case, and values.
    headers: Vec<(String, String)>,
}

impl Request {
    fn read(stream: &TcpStream) -> io::Result<Self> {
        let mut lines = BufReader::new(stream).lines();
        let first = lines.next().transpose()?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut headers = Vec::new();
        for line in lines {
            let line = line?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Ok(Self { path, headers })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The first byte wanted, if it is not the file's first.
    pub(crate) fn from(&self) -> Option<usize> {
        let from = self.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?;
        Some(from.parse().unwrap())
    }
}

/// What it gets.
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    ending: Ending,
}

/// When the server is done with an answer.
#[derive(Clone, Copy)]
enum Ending {
    /// When all is said.
    Complete,
    /// When so many bytes of the body are out.
    After(usize),
    /// Never: not a byte comes, and the connection stays.
    Never,
}

impl Answer {
    pub(crate) fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), ending: Ending::Complete }
    }

    pub(crate) fn page(content_type: &str, text: String) -> Self {
        let headers = vec![("content-type", content_type.to_owned())];
        Self { headers, body: text.into_bytes(), ..Self::status(200) }
    }

    /// All of `body`, whatever was asked for.
    pub(crate) fn whole(body: &[u8]) -> Self {
        Self { body: body.to_vec(), ..Self::status(200) }
    }

    /// What `body` holds from the byte `from` on.
    pub(crate) fn rest(body: &[u8], from: usize) -> Self {
        if from >= body.len() {
            return Self::status(416);
        }
        let range = format!("bytes {from}-{}/{}", body.len() - 1, body.len());
        let headers = vec![("content-range", range)];
        Self { headers, body: body[from..].to_vec(), ..Self::status(206) }
    }

    pub(crate) fn moved(to: &str) -> Self {
        Self { headers: vec![("location", to.to_owned())], ..Self::status(302) }
    }

    pub(crate) fn silence() -> Self {
        Self { ending: Ending::Never, ..Self::status(200) }
    }

    /// The same, with the connection cut after so many bytes of the body.
    pub(crate) fn cut_after(self, bytes: usize) -> Self {
        Self { ending: Ending::After(bytes), ..self }
    }

    fn write(&self, mut stream: &TcpStream) -> io::Result<()> {
        let end = match self.ending {
            Ending::Complete => self.body.len(),
            Ending::After(bytes) => bytes,
            Ending::Never => return Ok(()),
        };
        write!(stream, "HTTP/1.1 {} -\r\nconnection: close\r\n", self.status)?;
        for (name, value) in &self.headers {
            write!(stream, "{name}: {value}\r\n")?;
        }
        write!(stream, "content-length: {}\r\n\r\n", self.body.len())?;
        stream.write_all(&self.body[..end])
    }
}

/// Runs until it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    requests: Mutex<Vec<Request>>,
    stopping: AtomicBool,
}

impl Server {
    /// Starts a server that asks `answer` what to say, one request after another.
    #[expect(clippy::disallowed_methods, reason = "a thread of the tests, joined when dropped")]
    pub(crate) fn start(answer: impl FnMut(&Request) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::<Shared>::default();
        let inner = Arc::clone(&shared);
        let thread = std::thread::spawn(move || inner.run(&listener, answer));
        Self { address, shared, thread: Some(thread) }
    }

    /// The address of `path` on this server.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Everything it was asked so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }
}

impl Shared {
    fn run(&self, listener: &TcpListener, mut answer: impl FnMut(&Request) -> Answer) {
        let mut held = Vec::new();
        for stream in listener.incoming() {
            if self.stopping.load(Ordering::Relaxed) {
                return;
            }
            // A client that went away is none of the server's business.
            let Ok(stream) = stream else { continue };
            let Ok(request) = Request::read(&stream) else { continue };
            self.requests.lock().unwrap().push(request.clone());
            let answer = answer(&request);
            let _ = answer.write(&stream);
            if matches!(answer.ending, Ending::Never) {
                held.push(stream);
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        // Wakes the thread, which waits for a connection. A panic in it has failed the test.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
