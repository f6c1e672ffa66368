//! Requests to gateways that go on while something else happens.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use harness::plain;
use http::StatusCode;
use tokio::sync::oneshot::{self, Receiver, Sender, error::TryRecvError};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Between two requests to the same gateway.
const PACE: Duration = Duration::from_millis(20);

/// Somebody who asks gateways for one path, again and again, and ends with this value.
pub struct Asking {
    told_to_stop: Sender<()>,
    asks: JoinHandle<Result<usize>>,
}

impl Asking {
    /// Begins to ask. Each answer must be one of these, and of no gateway an earlier one than the answer before.
    pub fn begin(urls: Vec<String>, answers: [String; 2]) -> Self {
        let (told_to_stop, told) = oneshot::channel();
        Self {
            asks: tokio::spawn(ask(urls, answers, told)),
            told_to_stop,
        }
    }

    /// Ends, and says how many requests were answered.
    ///
    /// # Errors
    /// When one was not, or not as it had to be.
    pub async fn end(self) -> Result<usize> {
        drop(self.told_to_stop);
        self.asks.await?
    }
}

async fn ask(urls: Vec<String>, answers: [String; 2], mut told: Receiver<()>) -> Result<usize> {
    let mut gateways: Vec<(String, usize)> = urls.into_iter().map(|url| (url, 0)).collect();
    let mut answered = 0;
    while told.try_recv() == Err(TryRecvError::Empty) {
        for (url, last) in &mut gateways {
            let (status, body) = plain::get(url).await?;
            *last = heard(&answers, *last, status, &body).with_context(|| url.clone())?;
            answered += 1;
        }
        sleep(PACE).await;
    }
    Ok(answered)
}

/// Which of the answers this is: the one that was heard last, or a later one.
fn heard(answers: &[String], last: usize, status: StatusCode, body: &str) -> Result<usize> {
    let later = answers[last..].iter().position(|answer| answer == body);
    match later {
        Some(later) if status == StatusCode::OK => Ok(last + later),
        _ => bail!("answered {status}: {body}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_answer_goes_back_and_none_is_another() {
        let answers = ["before", "after"].map(str::to_owned);
        let heard = |last, status, body| heard(&answers, last, status, body).ok();
        assert_eq!(heard(0, StatusCode::OK, "before"), Some(0));
        assert_eq!(heard(0, StatusCode::OK, "after"), Some(1));
        assert_eq!(heard(1, StatusCode::OK, "after"), Some(1));
        assert_eq!(heard(1, StatusCode::OK, "before"), None);
        assert_eq!(heard(0, StatusCode::OK, "another"), None);
        assert_eq!(heard(0, StatusCode::BAD_GATEWAY, "before"), None);
    }
}
