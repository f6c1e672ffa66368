//! moto, the stand-in for AWS, as a child process.

mod environment;

use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use bytes::Bytes;
use http::Request;
use tokio::sync::OnceCell;

use crate::port::Port;
use crate::process::{self, Child};
use crate::proxy::Forwarder;
use crate::scratch::Scratch;
use crate::wait;

/// A running moto server: one account-aware AWS in memory, gone when dropped.
///
/// It believes every signature. An access key that it does not know belongs to account
/// 123456789012; the keys of a session from `AssumeRole` belong to the role's account.
#[derive(Debug)]
pub struct Moto {
    url: String,
    // In this order: the child is killed before its port and its folder are let go.
    child: Child,
    _port: Port,
    _folder: Scratch,
}

/// An access key that moto knows.
pub struct AccessKey {
    /// `AWS_ACCESS_KEY_ID`.
    pub id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret: String,
}

/// It imports thousands of files, slowly on a busy machine.
const START: Duration = Duration::from_secs(300);

impl Moto {
    /// Installs moto where that has not been done: for who is about to leave the network from which it comes.
    ///
    /// # Errors
    /// When it cannot be installed; the message names the ways out.
    pub async fn prepare() -> Result<()> {
        environment::prepare().await.map(drop)
    }

    /// Starts a server of its own for the caller, on a port of 127.0.0.1, and first installs moto where that has not
    /// been done.
    ///
    /// # Errors
    /// When moto cannot be installed (the message names the ways out) or does not come up (the
    /// message has the end of its log).
    pub async fn start() -> Result<Self> {
        Self::start_at(Ipv4Addr::LOCALHOST.into()).await
    }

    /// The same on a port of this address.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_at(address: IpAddr) -> Result<Self> {
        let program = environment::prepare().await?.join("bin/moto_server");
        let folder = Scratch::new("moto")?;
        let port = Port::reserve_at(address)?;
        let mut command = Command::new(&program);
        command
            .args(["-H", &address.to_string()])
            .args(["-p", &port.number().to_string()])
            // A variable of the caller's shell must not choose the account.
            .env_remove("MOTO_ACCOUNT_ID");
        let child = process::spawn(command, &folder.path().join("moto.log"))?;
        let moto = Self {
            url: format!("http://{}", port.address()),
            child,
            _port: port,
            _folder: folder,
        };
        moto.ready().await?;
        Ok(moto)
    }

    /// The server that all tests of this process share, started by the first that asks; it ends
    /// with the process. Each test uses names of its own in it.
    ///
    /// # Errors
    /// As [`start`](Self::start); the next caller tries again.
    pub async fn shared() -> Result<&'static Self> {
        static SHARED: OnceCell<Moto> = OnceCell::const_new();
        SHARED.get_or_try_init(Self::start).await
    }

    /// Where it listens, `http://ADDRESS:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Makes an IAM user with an access key; `GetCallerIdentity` tells its holder by the user's name.
    ///
    /// # Errors
    /// When moto refuses, as it does where a user of this name exists.
    pub async fn user(&self, name: &str) -> Result<AccessKey> {
        self.iam(&format!("Action=CreateUser&UserName={name}"))
            .await?;
        let made = self
            .iam(&format!("Action=CreateAccessKey&UserName={name}"))
            .await?;
        let element = |element: &str| {
            let (_, rest) = made.split_once(&format!("<{element}>"))?;
            let (text, _) = rest.split_once('<')?;
            Some(text.to_owned())
        };
        let key = || {
            Some(AccessKey {
                id: element("AccessKeyId")?,
                secret: element("SecretAccessKey")?,
            })
        };
        key().with_context(|| format!("no access key in moto's answer: {made}"))
    }

    /// Makes a queue in this region, in the name of the usual account, and returns its ARN.
    ///
    /// # Errors
    /// When moto refuses.
    pub async fn queue(&self, name: &str, region: &str) -> Result<String> {
        let action = format!("Action=CreateQueue&QueueName={name}&Version=2012-11-05");
        self.query("sqs", region, action).await?;
        Ok(format!("arn:aws:sqs:{region}:123456789012:{name}"))
    }

    /// The answer to an action of IAM's query protocol, in the name of the usual account.
    async fn iam(&self, action: &str) -> Result<String> {
        let action = format!("{action}&Version=2010-05-08");
        self.query("iam", "us-east-1", action).await
    }

    async fn query(&self, service: &str, region: &str, action: String) -> Result<String> {
        let request = Request::post("/")
            .header("content-type", "application/x-www-form-urlencoded")
            .header(
                "authorization",
                format!(
                    "AWS4-HMAC-SHA256 Credential=AKIAX/20260101/{region}/{service}/aws4_request, \
                     SignedHeaders=host, Signature=00"
                ),
            )
            .body(Bytes::from(action))?;
        let answer = Forwarder::plain(&self.url)?.ask(request).await?;
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        ensure!(
            answer.status().is_success(),
            "moto answered {}: {text}",
            answer.status()
        );
        Ok(text)
    }

    /// The server's process.
    pub fn process(&self) -> &Child {
        &self.child
    }

    async fn ready(&self) -> Result<()> {
        let server = Forwarder::plain(&self.url)?;
        let answers = wait::until("moto's first answer", START, || async {
            let question = Request::get("/moto-api/").body(Bytes::new());
            let answer = server.ask(question.map_err(anyhow::Error::from)?).await?;
            match answer.status().is_success() {
                true => Ok(()),
                false => Err(anyhow!("it answered {}", answer.status())),
            }
        });
        let ended = tokio::select! {
            answered = answers => answered,
            status = self.child.wait() => Err(anyhow!("moto_server ended: {status}")),
        };
        ended.with_context(|| format!("moto does not start:\n{}", self.child.log_tail(20)))?;
        if let Some(status) = self.child.try_wait() {
            bail!(
                "something else answers at {}: moto_server ended: {status}",
                self.url
            );
        }
        Ok(())
    }
}
