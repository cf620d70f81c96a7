//! The far side of each carrier: its servers, and the phones that it reaches. Tests of texts that are not about one carrier
//! run over all of them.

mod asked_again;
mod exchange;
mod group_text;
mod refused;
mod server;
mod slow_disk;
mod smpp;
mod smsc;
mod telnyx;
mod twilio;

use std::sync::{Arc, Mutex};

use partyline::{
    carriers::Knobs,
    clock::Clock,
    config::{self, Carrier},
    domain::Timestamp,
};
use serde_json::{Value, json};

use exchange::Exchange;
pub use exchange::{Got, TextIn};
use exchange::{Refusal, Stage, Whims};
use server::Server;
use smsc::Smsc;

use crate::{client::Api, sms::eventually};

/// The name of the carrier's section in the configuration, whichever carrier it is.
pub const NAME: &str = "sim";

/// Where an exchange has a picture, and what is none.
const PICTURE: &str = "/picture.png";
const PAGE: &str = "/page.html";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Simulator,
    Twilio,
    Telnyx,
    Smpp,
}

/// What carriers rightly do each in its own way.
impl Kind {
    /// Who answers STOP, START and HELP: the carrier, or the engine.
    pub fn answers_keywords(self) -> bool {
        matches!(self, Kind::Twilio | Kind::Telnyx)
    }

    /// How it says that a number can't be reached.
    pub fn unreachable(self) -> &'static str {
        match self {
            Kind::Simulator => "unreachable",
            Kind::Twilio => "21614",
            Kind::Telnyx => "40310",
            Kind::Smpp => "0x0B",
        }
    }

    /// How it says that it was asked too fast.
    pub fn throttled(self) -> &'static str {
        match self {
            Kind::Simulator => "throttled",
            Kind::Twilio => "20429",
            Kind::Telnyx => "10011",
            // Those are the link's own words: it has waited, and asked several times.
            Kind::Smpp => "carrier_busy",
        }
    }
}

/// Makes a test over each carrier of each of these functions, which take the [`Kind`]: `name::over_twilio` and so on.
macro_rules! over_every_carrier {
    ($($name:ident),+ $(,)?) => {
        $crate::carriers::over_carriers!(Simulator, Twilio, Telnyx, Smpp: $($name),+);
    };
}

/// ... over these carriers alone. It says beside it why not over the others.
macro_rules! over_carriers {
    ($($kind:ident),+: $name:ident) => {
        mod $name {
            $($crate::carriers::over_carrier!($kind $name);)+
        }
    };
    ($($kind:ident),+: $name:ident, $($more:ident),+ $(,)?) => {
        $crate::carriers::over_carriers!($($kind),+: $name);
        $crate::carriers::over_carriers!($($kind),+: $($more),+);
    };
}

macro_rules! over_carrier {
    (Simulator $name:ident) => {
        #[tokio::test]
        async fn over_the_simulator() {
            super::$name($crate::carriers::Kind::Simulator).await;
        }
    };
    (Twilio $name:ident) => {
        #[tokio::test]
        async fn over_twilio() {
            super::$name($crate::carriers::Kind::Twilio).await;
        }
    };
    (Telnyx $name:ident) => {
        #[tokio::test]
        async fn over_telnyx() {
            super::$name($crate::carriers::Kind::Telnyx).await;
        }
    };
    (Smpp $name:ident) => {
        #[tokio::test]
        async fn over_smpp() {
            super::$name($crate::carriers::Kind::Smpp).await;
        }
    };
}

pub(crate) use {over_carrier, over_carriers, over_every_carrier};

/// What a carrier connects the engine with. It is as bad as the simulator's knobs say.
pub struct Network {
    far_side: FarSide,
}

enum FarSide {
    /// It is in the engine, and has a page of its own.
    Simulator {
        knobs: Mutex<Knobs>,
        engine: Mutex<String>,
    },
    Exchange {
        exchange: Arc<Exchange>,
        server: Server,
    },
    Smsc(Smsc),
}

impl Network {
    /// By the engine's clock: what is signed says when.
    pub async fn start(kind: Kind, knobs: Knobs, clock: Clock) -> Self {
        let far_side = match kind {
            Kind::Simulator => FarSide::Simulator { knobs: Mutex::new(knobs), engine: Mutex::default() },
            Kind::Twilio => {
                let (exchange, server) = Exchange::start(twilio::TwilioLanguage, knobs, clock).await;
                FarSide::Exchange { exchange, server }
            }
            Kind::Telnyx => {
                let (exchange, server) = Exchange::start(telnyx::TelnyxLanguage::new(), knobs, clock).await;
                FarSide::Exchange { exchange, server }
            }
            Kind::Smpp => {
                let smsc = Smsc::start().await;
                smsc.turns(knobs).await;
                FarSide::Smsc(smsc)
            }
        };
        Self { far_side }
    }

    /// The engine's configuration for it.
    pub fn section(&self, pace_per_s: f64) -> Carrier {
        match &self.far_side {
            FarSide::Simulator { knobs, .. } => {
                let knobs = knobs.lock().unwrap().clone();
                Carrier::Simulator(config::Simulator { pace_per_s, open: false, knobs })
            }
            FarSide::Exchange { exchange, server } => exchange.section(&server.url, pace_per_s),
            FarSide::Smsc(smsc) => smsc.section(pace_per_s),
        }
    }

    /// ... in its file.
    pub fn toml(&self, pace_per_s: f64) -> String {
        toml(&self.section(pace_per_s))
    }

    /// The engine is there from now on; over SMPP, once it has come.
    pub async fn reaches(&self, api: &Api) {
        match &self.far_side {
            FarSide::Simulator { engine, .. } => api.url.clone_into(&mut engine.lock().unwrap()),
            FarSide::Exchange { exchange, .. } => exchange.reaches(&api.url),
            FarSide::Smsc(_) => link_is(api, "up").await,
        }
    }

    /// It is so bad from now on; the simulator, which is in the engine, from the engine's next start.
    pub async fn turns(&self, to: Knobs) {
        match &self.far_side {
            FarSide::Simulator { knobs, .. } => *knobs.lock().unwrap() = to,
            FarSide::Exchange { exchange, .. } => exchange.turns(to),
            FarSide::Smsc(smsc) => smsc.turns(to).await,
        }
    }

    /// The one that speaks HTTP.
    fn exchange(&self) -> &Arc<Exchange> {
        let FarSide::Exchange { exchange, .. } = &self.far_side else { unreachable!() };
        exchange
    }

    /// A customer texts in; `Err` is why the engine did not take it. An SMSC brings it until the engine does.
    pub async fn text_in(&self, text: &TextIn<'_>) -> Result<(), String> {
        match &self.far_side {
            FarSide::Simulator { .. } => {
                let TextIn { id, from, to, text, media } = text;
                let body = json!({"id": id, "from": from, "to": to, "text": text, "media": media});
                let request = self.page().request(reqwest::Method::POST, "/v1/simulator/messages").json(&body);
                let answer = request.send().await.map_err(|error| error.to_string())?;
                if answer.status() == 201 { Ok(()) } else { Err(answer.text().await.unwrap_or_default()) }
            }
            FarSide::Exchange { exchange, .. } => exchange.text_in(text).await,
            FarSide::Smsc(smsc) => {
                smsc.text_in(text).await;
                Ok(())
            }
        }
    }

    /// What a customer's phone received, oldest first.
    pub async fn phone(&self, number: &str) -> Vec<Got> {
        match &self.far_side {
            FarSide::Simulator { .. } => {
                let path = format!("/v1/simulator/messages?number={}&limit=200", number.replace('+', "%2B"));
                let page = self.page().get(&path).await.ok();
                let text = |t: &Value| t["text"].as_str().unwrap().to_owned();
                let at = |t: &Value| Timestamp::parse(t["at"].as_str().unwrap()).unwrap();
                page["items"].as_array().unwrap().iter().map(|t| Got { text: text(t), at: at(t) }).collect()
            }
            FarSide::Exchange { exchange, .. } => exchange.phone(number),
            FarSide::Smsc(smsc) => smsc.phone(number).await,
        }
    }

    /// Where files are that come with texts: a picture, what is none, and nothing.
    pub fn media(&self) -> [String; 3] {
        match &self.far_side {
            FarSide::Simulator { .. } => {
                ["data:image/png;base64,iVBORw0KGgo=", "data:text/html;base64,PGI+", "https://elsewhere.test/x.png"]
                    .map(str::to_owned)
            }
            FarSide::Exchange { server, .. } => [PICTURE, PAGE, "/gone"].map(|path| format!("{}{path}", server.url)),
            FarSide::Smsc(_) => panic!("SMPP carries no pictures"),
        }
    }

    /// The simulator's own, which asks for no token.
    fn page(&self) -> Api {
        let FarSide::Simulator { engine, .. } = &self.far_side else { unreachable!() };
        Api::new(&engine.lock().unwrap(), "")
    }
}

/// Waits until the carrier's link is `up`, `down` or `refused`.
pub async fn link_is(api: &Api, state: &str) {
    eventually(async || {
        let listed = api.get("/v1/pbx/carriers").await.ok();
        let carrier = listed["items"].as_array().unwrap().iter().find(|carrier| carrier["name"] == NAME);
        let link = carrier.map(|carrier| carrier["link"].clone()).unwrap_or_default();
        if link["state"] == state { Ok(()) } else { Err(link.to_string()) }
    })
    .await;
}

/// A section of the configuration, in its file.
fn toml(section: &Carrier) -> String {
    let section = serde_json::to_value(section).unwrap();
    format!("[carriers.{NAME}]\n{}\n", lines(&section).join("\n"))
}

/// The lines of a section: what is plain is written as in JSON, what is not is a table.
fn lines(section: &Value) -> Vec<String> {
    let members = section.as_object().unwrap().iter().filter(|(_, value)| !value.is_null());
    let written = |value: &Value| match value {
        Value::Object(_) => format!("{{ {} }}", lines(value).join(", ")),
        plain => plain.to_string(),
    };
    members.map(|(name, value)| format!("{name} = {}", written(value))).collect()
}
