//! `receive`: a text comes in. A word of consent is obeyed, shown and answered, and starts no clock.

use std::sync::Arc;

use crate::domain::{
    AttachmentId, Change, ConversationId, Decision, ExtensionId, Guard, MessageText, Refusal, Timestamp,
    settings::Settings,
    sms::{
        consent::{Consent, Source, may_answer, words},
        inbound::Incoming,
        keywords::{Keyword, keyword},
        segments::estimate,
    },
};

use super::{Author, Conversation, Direction, NewMessage, Pair, Reply, Stand, SystemEvent, reach, system::pill};

/// A text that came in, and what was known of the pair when its place was decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrival {
    /// It.
    pub incoming: Incoming,
    /// The word of consent that it was when it came in, if it was one.
    pub word: Option<Keyword>,
    /// The names of the files that came with it.
    pub attachments: Vec<AttachmentId>,
    /// What is known of the pair.
    pub known: KnownPair,
    /// What the choice of its place rests on.
    pub guards: Vec<Guard>,
    /// What else happens with it.
    pub also: Vec<Change>,
    /// When it came.
    pub now: Timestamp,
}

/// What is known of a pair when a text of it comes in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KnownPair {
    /// They want no texts from this number of ours.
    pub opted_out: bool,
    /// ... from the whole company.
    pub opted_out_of_all: bool,
    /// The automatic texts of the last day, and when.
    pub automatic: Vec<(Option<Keyword>, Timestamp)>,
    /// Automatic texts ever.
    pub automatic_count: i64,
    /// Whether it is us who answer words of consent, and not the carrier.
    pub we_answer: bool,
    /// What we answer.
    pub settings: Settings,
    /// Who has a thread with them, and hears that they want no texts.
    pub threads_of: Arc<[ExtensionId]>,
}

/// What a text that came in is, to us: an opt-in word only of who is opted out, a help word only if there is help.
pub fn meaning(incoming: &Incoming, known: &KnownPair) -> Option<Keyword> {
    let word = incoming.keyword.or_else(|| keyword(incoming.text.as_str()))?;
    match word {
        Keyword::OptOut => Some(word),
        Keyword::OptIn => (known.opted_out || known.opted_out_of_all).then_some(word),
        // A carrier that took it for one has answered it.
        Keyword::Help => (known.settings.help_text.is_some() || incoming.keyword.is_some()).then_some(word),
    }
}

/// A text comes into a conversation that is there.
pub fn receive(conversation: &Conversation, arrival: &Arrival) -> Result<Decision, Refusal> {
    let Incoming { from, to, .. } = &arrival.incoming;
    let pair = Pair { ours: to.clone(), theirs: from.clone() };
    if conversation.pair.as_ref() != Some(&pair) {
        return Err(Refusal::NotFound);
    }
    if let Some(queued) = &conversation.queue {
        // What was closed meanwhile takes nothing more in, but words of consent, which begin nothing.
        if queued.state.stand() == Stand::Closed && arrival.word.is_none() {
            return Err(Refusal::NotFound);
        }
    }
    let mut decision = entries(conversation.id, &conversation.audience, arrival);
    decision.guards.push(conversation.guard());
    decision.guards.extend(conversation.queue.as_ref().map(|queued| queued.line.guard()));
    decision.changes.extend(conversation.told_of_text());
    Ok(decision)
}

/// The entries that a text makes in the conversation that it goes to, and the consent that it gives or takes.
pub fn entries(conversation: ConversationId, audience: &Arc<[ExtensionId]>, arrival: &Arrival) -> Decision {
    let Arrival { incoming, word, attachments, guards, .. } = arrival;
    let text = NewMessage {
        direction: Direction::Inbound,
        author: Author::Number(incoming.from.clone()),
        attachments: attachments.iter().copied().zip(incoming.media.iter().cloned()).collect(),
        // Who can't be texted back waits for nothing.
        reply: if word.is_some() || !incoming.from.is_textable() { Reply::Neither } else { Reply::Owed },
        ..NewMessage::bare(conversation, incoming.text.clone(), audience.clone())
    };
    let mut decision = Decision { guards: guards.clone(), changes: vec![Change::MessageAdded(text)] };
    decision.changes.extend(arrival.also.iter().cloned());
    if let Some(word) = *word {
        obey(word, arrival, &mut decision);
        decision.changes.extend(told(word, conversation, audience, arrival));
        answer(word, conversation, audience, arrival, &mut decision);
    }
    decision
}

/// Records what a word says, if that is new.
pub fn obey(word: Keyword, arrival: &Arrival, decision: &mut Decision) {
    let Arrival { incoming: Incoming { from, to, .. }, known, now, .. } = arrival;
    let opted_out = word == Keyword::OptOut;
    let record = |our_number| Change::ConsentPut {
        consent: Consent {
            our_number,
            number: from.clone(),
            opted_out,
            source: Source::Keyword,
            by: None,
            reason: None,
            at: *now,
        },
        audience: known.threads_of.clone(),
    };
    let was = known.opted_out || known.opted_out_of_all;
    decision.guards.push(Guard::Consent { ours: to.clone(), theirs: from.clone(), opted_out: was });
    match word {
        Keyword::OptOut if !known.opted_out => decision.changes.push(record(Some(to.clone()))),
        // Who takes texts from one number again is not kept from it by what was said of the company.
        Keyword::OptIn => {
            decision.changes.extend(known.opted_out.then(|| record(Some(to.clone()))));
            decision.changes.extend(known.opted_out_of_all.then(|| record(None)));
        }
        _ => {}
    }
}

/// The gray pill, where something has changed.
fn told(word: Keyword, id: ConversationId, audience: &Arc<[ExtensionId]>, arrival: &Arrival) -> Option<Change> {
    let our_number = Some(arrival.incoming.to.clone());
    let event = match word {
        Keyword::OptOut if !arrival.known.opted_out => {
            SystemEvent::OptedOut { our_number: our_number.clone(), by: None }
        }
        Keyword::OptIn => SystemEvent::OptedIn { our_number: our_number.clone(), by: None },
        _ => return None,
    };
    Some(pill(id, Author::Nobody, words(word == Keyword::OptOut, our_number.as_ref()), event, audience))
}

/// Our answer to a word, if it is us who answer, and it may be.
fn answer(
    word: Keyword,
    id: ConversationId,
    audience: &Arc<[ExtensionId]>,
    arrival: &Arrival,
    decision: &mut Decision,
) {
    let Arrival { incoming: Incoming { from, to, .. }, known, now, .. } = arrival;
    let text = match word {
        Keyword::OptOut => Some(&known.settings.opt_out_text),
        Keyword::OptIn => Some(&known.settings.opt_in_text),
        // Help, too, is a text, and they want none.
        Keyword::Help if known.opted_out || known.opted_out_of_all => None,
        Keyword::Help => known.settings.help_text.as_ref(),
    };
    let Some(text) = text.filter(|_| known.we_answer && may_answer(word, from, &known.automatic, *now)) else { return };
    decision.guards.push(Guard::AutomaticTexts { ours: to.clone(), theirs: from.clone(), sent: known.automatic_count });
    let mut delivery = reach::queued(from.clone(), estimate(text).segments);
    delivery.our_number = Some(to.clone());
    delivery.confirms_opt_out = word == Keyword::OptOut;
    let reply = NewMessage {
        direction: Direction::Outbound,
        deliveries: vec![delivery],
        ..NewMessage::bare(id, MessageText::stored(text.clone()), audience.clone())
    };
    decision.changes.push(Change::MessageAdded(reply));
    decision.changes.push(Change::AutomaticText { ours: to.clone(), theirs: from.clone(), keyword: Some(word) });
}

#[cfg(test)]
mod tests {
    use super::super::tests::{OURS, THEIRS, claimed, closed, ext, number, thread, waiting};
    use super::*;
    use crate::domain::sms::inbound::Media;
    use uuid::Uuid;

    fn arrival(text: &str, known: KnownPair) -> Arrival {
        let incoming = Incoming {
            carrier: "sim".into(),
            provider_id: "SM1".into(),
            from: number(THEIRS),
            to: number(OURS),
            text: MessageText::stored(text.into()),
            media: vec![],
            keyword: None,
        };
        let known = KnownPair { we_answer: true, threads_of: [ext(1)].into(), ..known };
        let word = meaning(&incoming, &known);
        Arrival { incoming, word, attachments: vec![], known, guards: vec![], also: vec![], now: Timestamp(0) }
    }

    /// `(text, reply)` of each entry, and the consents recorded: `(opted out, of the whole company)`.
    type Made = (Vec<(String, Reply)>, Vec<(bool, bool)>);

    fn made(arrival: &Arrival) -> Made {
        let decision = receive(&thread(), arrival).unwrap();
        let (mut entries, mut consents) = (vec![], vec![]);
        for change in decision.changes {
            match change {
                Change::MessageAdded(m) => entries.push((m.text.as_str().to_owned(), m.reply)),
                Change::ConsentPut { consent, .. } => consents.push((consent.opted_out, consent.our_number.is_none())),
                _ => {}
            }
        }
        (entries, consents)
    }

    #[test]
    fn a_text_is_an_entry_and_the_customer_waits_from_then_on() {
        let (entries, consents) = made(&arrival("Hello?", KnownPair::default()));
        assert_eq!((entries, consents), (vec![("Hello?".to_owned(), Reply::Owed)], vec![]));
        let mut other = arrival("Hello?", KnownPair::default());
        other.incoming.from = number("+14045550198");
        assert_eq!(receive(&thread(), &other), Err(Refusal::NotFound), "another customer's is not for this thread");
    }

    #[test]
    fn in_a_queue_whoever_shows_it_is_told_of_its_row() {
        let hello = arrival("Hello?", KnownPair::default());
        let last = |c: &Conversation| receive(c, &hello).unwrap().changes.pop();
        assert!(matches!(last(&waiting()), Some(Change::WaitingShown { .. })), "what its agents see");
        assert!(matches!(last(&claimed(1)), Some(Change::RowShown { .. })), "the clock that starts");
        assert_eq!(receive(&closed(1), &hello), Err(Refusal::NotFound), "it begins another");
        let stop = arrival("STOP", KnownPair::default());
        assert!(receive(&closed(1), &stop).is_ok(), "a word of consent is shown where there is a place for it");
    }

    #[test]
    fn who_can_t_be_texted_back_waits_for_nothing() {
        let mut code = arrival("Your code is 1234", KnownPair::default());
        code.incoming.from = number("72345");
        let decision = entries(thread().id, &thread().audience, &code);
        let [Change::MessageAdded(message)] = &decision.changes[..] else { panic!("one entry") };
        assert_eq!(message.reply, Reply::Neither);
    }

    #[test]
    fn a_picture_without_words_is_kept() {
        let mut picture = arrival("", KnownPair::default());
        picture.incoming.media = vec![Media { url: "https://x/1".into(), content_type: "image/png".into() }];
        picture.attachments = vec![AttachmentId(Uuid::from_u128(1))];
        let decision = receive(&thread(), &picture).unwrap();
        let [Change::MessageAdded(message)] = &decision.changes[..] else { panic!("one entry") };
        assert_eq!(message.attachments.len(), 1);
    }

    #[test]
    fn stop_is_recorded_shown_and_confirmed_once() {
        let (entries, consents) = made(&arrival("Stop.", KnownPair::default()));
        let texts: Vec<_> = entries.iter().map(|(text, _)| text.as_str()).collect();
        let confirmation = Settings::default().opt_out_text;
        assert_eq!(texts, ["Stop.", "Opted out of texts from +1 404-555-0100", &confirmation]);
        assert!(entries.iter().all(|(_, reply)| *reply == Reply::Neither), "no clock starts");
        assert_eq!(consents, [(true, false)]);
        let again = KnownPair {
            opted_out: true,
            automatic: vec![(Some(Keyword::OptOut), Timestamp(0))],
            ..KnownPair::default()
        };
        let (entries, consents) = made(&arrival("STOP", again));
        assert_eq!((entries.len(), consents.len()), (1, 0));
    }

    #[test]
    fn only_the_confirmation_goes_to_who_said_stop() {
        let decision = receive(&thread(), &arrival("STOP", KnownPair::default())).unwrap();
        let deliveries: Vec<_> = decision
            .changes
            .iter()
            .filter_map(|c| if let Change::MessageAdded(m) = c { Some(&m.deliveries) } else { None })
            .flatten()
            .collect();
        assert!(matches!(deliveries[..], [d] if d.confirms_opt_out));
        let opted_out = KnownPair {
            opted_out: true,
            settings: Settings { help_text: Some("We are Acme.".into()), ..Settings::default() },
            ..KnownPair::default()
        };
        assert_eq!(made(&arrival("HELP", opted_out)).0.len(), 1, "help is not sent to them either");
    }

    #[test]
    fn start_acts_on_who_is_opted_out_and_on_nobody_else() {
        let (entries, consents) = made(&arrival("Yes", KnownPair::default()));
        assert_eq!((entries[0].1, consents.len()), (Reply::Owed, 0), "it is an answer like any other");
        let known = KnownPair { opted_out: true, opted_out_of_all: true, ..KnownPair::default() };
        let (entries, consents) = made(&arrival("START", known));
        assert_eq!(entries[1].0, "Opted in to texts from +1 404-555-0100");
        assert_eq!((entries.len(), consents), (3, vec![(false, false), (false, true)]));
    }

    #[test]
    fn help_is_answered_with_the_company_s_text_or_is_ordinary() {
        assert_eq!(made(&arrival("help", KnownPair::default())).0, [("help".to_owned(), Reply::Owed)]);
        let settings = Settings { help_text: Some("We are Acme.".into()), ..Settings::default() };
        let known = KnownPair { settings, ..KnownPair::default() };
        assert_eq!(made(&arrival("help", known)).0[1].0, "We are Acme.");
    }

    #[test]
    fn a_word_is_obeyed_when_it_comes_in_and_not_when_somebody_reads_it() {
        let mut old = arrival("Yes", KnownPair { opted_out: true, ..KnownPair::default() });
        old.word = None;
        let (entries, consents) = made(&old);
        assert_eq!((entries.len(), consents.len()), (1, 0));
    }

    #[test]
    fn where_the_carrier_answers_we_don_t() {
        let mut stop = arrival("Parar", KnownPair::default());
        stop.known.we_answer = false;
        stop.incoming.keyword = Some(Keyword::OptOut);
        stop.word = meaning(&stop.incoming, &stop.known);
        let (entries, consents) = made(&stop);
        assert_eq!((entries.len(), consents.len()), (2, 1), "shown and recorded, not answered");
    }
}
