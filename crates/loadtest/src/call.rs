//! How a caller is let in, refused, or told to wait.

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use futures_util::{SinkExt, StreamExt};
use protocol::{ClientMessage, SUB_PROTOCOL, ServerMessage};
use tokio::{net::TcpStream, time::Instant, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{
        self, Message,
        client::IntoClientRequest,
        http::{HeaderValue, StatusCode, header::SEC_WEBSOCKET_PROTOCOL},
        protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
    },
};

use crate::{
    Caller, Rates,
    caller::{PATIENCE, reason},
    wire::Dialect,
};

/// What is read of a socket at once. Far below the library's default, so that thousands of callers
/// who say nothing take little memory.
const READ_BUFFER: usize = 8 << 10;

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A call to be made.
#[derive(Clone, Debug)]
pub struct Call {
    /// The server's `/ws`.
    pub url: String,
    /// What is spoken.
    pub dialect: Dialect,
    /// The rates of the caller's devices.
    pub rates: Rates,
    /// Who finds the server full stands in line, if there is one. (It knows them by the
    /// sub-protocol, which it must speak then.)
    pub in_line: bool,
}

/// A call that was answered.
#[derive(Debug)]
pub struct Admitted {
    /// Who was let in.
    pub caller: Caller,
    /// How long they waited in line, if they had to.
    pub waited: Option<Duration>,
    /// From the call to the welcome.
    pub ready: Duration,
}

/// A call that was not.
#[derive(Debug)]
pub enum Rejected {
    /// The server is at capacity.
    Refused,
    /// Anything else.
    Failed(anyhow::Error),
}

impl From<anyhow::Error> for Rejected {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

impl Call {
    /// Calls, waits in line if there is one, and gives who was let in.
    pub async fn make(&self) -> Result<Admitted, Rejected> {
        let called = Instant::now();
        let mut socket = open(self).await?;
        let waited = match self.dialect {
            Dialect::Repartee => greet(&mut socket, self.rates).await?,
            // there is nothing to wait for: who is let in may speak
            Dialect::Plain => None,
        };
        let caller = Caller::on(socket, self.rates, self.dialect);
        Ok(Admitted { caller, waited, ready: called.elapsed() })
    }
}

/// Opens a socket.
pub(crate) async fn open(call: &Call) -> Result<Socket, Rejected> {
    let url = call.url.as_str();
    let mut request =
        url.into_client_request().with_context(|| format!("`{url}` is no address to call"))?;
    if call.in_line {
        let in_line = HeaderValue::from_static(SUB_PROTOCOL);
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, in_line);
    }
    let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER).write_buffer_size(0);
    let connecting = timeout(PATIENCE, connect_async_with_config(request, Some(config), true));
    match connecting.await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(tungstenite::Error::Http(answer)))
            if answer.status() == StatusCode::SERVICE_UNAVAILABLE =>
        {
            Err(Rejected::Refused)
        }
        Ok(Err(error)) => {
            Err(anyhow!(error).context(format!("could not connect to `{url}`")).into())
        }
        Err(_) => Err(anyhow!("`{url}` did not answer").into()),
    }
}

/// Says hello, and waits for the welcome, in line if need be. Gives how long that was.
pub(crate) async fn greet(socket: &mut Socket, rates: Rates) -> Result<Option<Duration>, Rejected> {
    let hello = ClientMessage::Hello {
        version: protocol::VERSION,
        input_rate: rates.input.hz(),
        output_rate: rates.output.hz(),
        client: "loadtest".to_owned(),
    };
    let sent = timeout(PATIENCE, socket.send(Message::text(hello.encode()))).await;
    // who was refused before finds that when reading
    drop(sent);
    let mut in_line: Option<Instant> = None;
    loop {
        // nobody knows for how long the line stands still
        let message = if in_line.is_some() {
            next_message(socket).await?
        } else {
            let message = timeout(PATIENCE, next_message(socket)).await;
            message.context("the server did not say welcome")??
        };
        match message {
            ServerMessage::Welcome { .. } => return Ok(in_line.map(|since| since.elapsed())),
            ServerMessage::Queue { .. } => drop(in_line.get_or_insert_with(Instant::now)),
            _ => {}
        }
    }
}

/// The next text message, before the welcome.
async fn next_message(socket: &mut Socket) -> Result<ServerMessage<'static>, Rejected> {
    loop {
        let frame = socket.next().await.context("the server hung up")?;
        match frame.context("the connection broke")? {
            Message::Text(text) => {
                return Ok(ServerMessage::decode(&text).context("not the protocol")?);
            }
            Message::Close(frame) => return Err(turned_away(frame.as_ref())),
            _ => {}
        }
    }
}

fn turned_away(frame: Option<&CloseFrame>) -> Rejected {
    if frame.is_some_and(|frame| frame.code == CloseCode::Policy) {
        return Rejected::Refused;
    }
    anyhow!("the server hung up: {}", reason(frame)).into()
}

/// Who calls for a single measurement takes a refusal for a failure.
impl Rejected {
    pub(crate) fn into_error(self, url: &str) -> anyhow::Error {
        match self {
            Self::Refused => anyhow!("could not connect to `{url}`: the server is at capacity"),
            Self::Failed(error) => error,
        }
    }
}
