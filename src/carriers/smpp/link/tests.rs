use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Mutex,
    task::{Context, Poll},
};

use tokio::{io::ReadBuf, sync::oneshot};

use super::*;
use crate::{
    carriers::smpp::{Address, Delivered, Presence, segment::Segment},
    domain::sms::delivery::Submitted,
};

/// A carrier that never pauses: when it has no answer to give, it brings something.
#[derive(Clone, Default)]
struct Flood(Arc<Mutex<Heaped>>);

#[derive(Default)]
struct Heaped {
    answers: VecDeque<Vec<u8>>,
    /// It answers so many submits, and no more.
    answers_submits: usize,
    /// The statuses with which what it brought was answered.
    answered: Vec<u32>,
}

fn resp(command: u32, sequence: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(16 + body.len()).unwrap();
    [&[length, command, 0, sequence].map(u32::to_be_bytes).concat(), body].concat()
}

impl AsyncRead for Flood {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let answer = self.0.lock().unwrap().answers.pop_front();
        // A deliver_sm that can't be read is one as well.
        buffer.put_slice(&answer.unwrap_or_else(|| resp(0x05, 7, b"")));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Flood {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, pdu: &[u8]) -> Poll<io::Result<usize>> {
        let word = |n: usize| u32::from_be_bytes(pdu[n * 4..][..4].try_into().unwrap());
        let (command, status, sequence) = (word(1), word(2), word(3));
        let mut heaped = self.0.lock().unwrap();
        match command {
            0x04 if heaped.answers_submits > 0 => {
                heaped.answers_submits -= 1;
                heaped.answers.push_back(resp(0x8000_0004, sequence, b"1a2b\0"));
            }
            0x04 => {}
            0x8000_0005 => heaped.answered.push(status),
            // A bind, or a goodbye.
            command => heaped.answers.push_back(resp(command | 0x8000_0000, sequence, b"")),
        }
        Poll::Ready(Ok(pdu.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Takes everything, in a while.
struct Taker;

impl Exchange for Taker {
    fn bound(&self, _: Uuid, _: Presence) {}

    fn ended(&self, _: Uuid) {}

    fn take(&self, _: Uuid, _: Delivered) -> Pending<Result<Option<Uuid>, NotNow>> {
        Box::pin(async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok(None)
        })
    }

    fn answered(&self, _: Vec<Uuid>) {}
}

/// A flood is put off and taken, texts go out, what is late is late, and the link closes, all at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_carrier_that_never_pauses_stops_nothing() {
    let flood = Flood::default();
    flood.0.lock().unwrap().answers_submits = 1;
    let timing = Timing { answer: Duration::from_millis(300), enquire: Duration::from_millis(50), ..Timing::default() };
    let link = Link::bind(flood.clone(), Arc::new(Account::for_tests()), timing).await.ok().unwrap();
    let (texts, mut to_be_sent) = mpsc::channel(10);
    let close = Arc::new(Notify::new());
    let closes = close.clone();
    let served = tokio::spawn(async move {
        let (_, asked) = Presence::new();
        let (exchange, session) = (Arc::new(Taker), Uuid::nil());
        let ends = Ends { texts: &mut to_be_sent, asked, exchange, close: &closes, session };
        link.serve(ends).await
    });
    let submit = async || {
        let (reply, answer) = oneshot::channel();
        let segments = vec![Segment { esm_class: 0, data_coding: 0, octets: b"Hi".to_vec() }];
        let (from, to) = (Address::default(), Address::default());
        let until = Instant::now() + Duration::from_secs(60);
        texts.send(Text { from, to, segments, until, reply }).await.unwrap();
        answer.await.unwrap()
    };
    assert!(matches!(submit().await, Submitted::Accepted { .. }));
    assert_eq!(submit().await, Submitted::Unknown, "this one is not answered");
    close.notify_one();
    assert_eq!(served.await.unwrap(), Ended::Closed);
    let heaped = flood.0.lock().unwrap();
    let taken = heaped.answered.iter().filter(|status| **status == pdu::OK).count();
    let put_off = heaped.answered.iter().filter(|status| **status == pdu::NOT_NOW).count();
    assert!(taken > 0 && put_off > 0 && taken + put_off == heaped.answered.len(), "{taken}, {put_off}");
}
