//! Asks the query planner: nothing that is read or written looks through a whole table.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::{
    clock::Clock,
    domain::{
        AttachmentId, AttemptId, By, Caller, Change, ClientId, ConversationId, Decision, ExtensionId, GenerationId,
        Guard, MessageText, PhonebookId, QueueId, Role, TenantId, Timestamp, UnroutedId,
        change::{Appearance, DeliveryMoved, NewConversation},
        contacts::{Contact, search::Needle},
        conversation::{
            AttachmentState, Author, Direction, Gone, Kind, NewMessage, Pair, Reply,
            claim::claim,
            close::close,
            create_sms::create_sms,
            enter::enter,
            receive::{Arrival, KnownPair},
        },
        extension::Extension,
        phone::Number,
        provision::{
            call::{Call, CallDirection},
            phone_number::PhoneNumber,
            phonebook::{Phonebook, PhonebookSource, Renamed, patch_contacts, put_phonebook, replace_contacts},
            voice_queue::{VoiceAgent, VoiceAgentRequest, VoiceQueue},
        },
        queue::{self, Agent},
        sms::{
            consent::{Consent, Source},
            delivery::{Delivery, Receipt, Status},
            inbound::{Incoming, Media},
        },
        webhook::{Attempt, Secret, Then, Wanted},
    },
};

use super::{
    Database, Dialect, Filter, HeldReceipt, InQueue, NewDelivery, Page, PieceWrites, Reader, SecretHash, Storage,
    StoredPiece, WebhookTurn,
    ledger::{Ledger, Once, Outcome, Unit},
};

static NOTED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Every statement that a test runs.
pub(super) fn note(sql: &str) {
    NOTED.lock().unwrap().insert(sql.to_owned());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_is_served_by_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("p.db").display());
    let storage = Database { url }.open(Clock::System).await.unwrap();
    let ledger = Ledger::start(&storage, &tokio::runtime::Handle::current(), None);
    let tenant = storage.make_tenant("default").await.unwrap();
    let me = ExtensionId(Uuid::from_u128(1));
    let chat = ConversationId(Uuid::from_u128(2));
    let commit = async |changes: Vec<Change>, guards: Vec<Guard>| {
        let client_id = ClientId(Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, 1, 1)));
        let unit = Unit {
            by: By::Engine(tenant),
            once: Some(Once::Send(me, client_id)),
            decision: Decision { guards, changes },
        };
        assert!(matches!(ledger.commit(unit).await, Ok(Outcome::Committed(_))));
    };
    let extension = Extension {
        id: me,
        number: "201".into(),
        name: "Jake".into(),
        role: Role::User,
        enabled: true,
        credential: 0,
        deleted: false,
    };
    let put = |made| Change::ExtensionPut {
        extension: extension.clone(),
        password_hash: None,
        caller_ids: vec![Number::stored("+14045550100".into())],
        phonebooks: vec!["crm".into()],
        made,
    };
    commit(vec![put(true)], vec![]).await;
    commit(vec![put(false)], vec![Guard::Extension(me, 1)]).await;
    let (kind, natural_key, members) = (Kind::Direct, Some("direct:x".to_owned()), [me].into());
    let numbers: Arc<[Number]> = [Number::stored("+14045550199".into())].into();
    let new = NewConversation { id: chat, kind, natural_key, name: None, members, pair: None, numbers, queue: None };
    commit(vec![Change::ConversationCreated(new)], vec![]).await;
    let message = |text: &str| {
        let text = MessageText::parse(text.into()).unwrap();
        let client_id = ClientId(Uuid::from_u128(text.as_str().len() as u128));
        Change::MessageAdded(NewMessage::text(chat, me, client_id, text, [me].into()))
    };
    commit(vec![message("1"), message("22")], vec![Guard::Conversation(chat, 1)]).await;
    let read = Change::MarkersAdvanced { conversation: chat, readers: vec![(me, 1)], audience: [me].into() };
    commit(vec![read], vec![Guard::Conversation(chat, 1)]).await;

    let (participants, numbers) = (vec![], [].into());
    let group =
        Appearance { id: chat, kind, name: None, participants, participant_count: 1, pair: None, numbers, queue: None };
    let (audience, others) = ([me].into(), [].into());
    commit(vec![Change::Renamed { group: group.clone(), audience }], vec![Guard::Conversation(chat, 1)]).await;
    let gone = Change::MemberRemoved { group: group.clone(), who: me, reason: Gone::Left, others };
    commit(vec![gone], vec![Guard::Conversation(chat, 2)]).await;
    let (added, others) = ([me].into(), [].into());
    let numbers = [Number::stored("+14045550199".into())].into();
    let back = Change::MembersAdded { group: group.clone(), added, numbers, others };
    commit(vec![back], vec![Guard::Conversation(chat, 3)]).await;
    let number = Number::stored("+14045550199".into());
    let gone = Change::NumberRemoved { group, number, audience: [me].into() };
    commit(vec![gone], vec![Guard::Conversation(chat, 4)]).await;

    let number = Number::stored("+14045550100".into());
    let phone_number = PhoneNumber {
        number: number.clone(),
        label: None,
        sms_enabled: true,
        carrier: "sim".into(),
        queue: None,
        extension: None,
    };
    let guard = vec![Guard::PhoneNumber(number.clone(), 0)];
    commit(vec![Change::PhoneNumberPut { phone_number, deleted: false }], guard).await;

    let voice_queue = VoiceQueue { key: "support".into(), name: "Support".into(), agents: vec![] };
    let guard = vec![Guard::VoiceQueue("support".into(), 0)];
    commit(vec![Change::VoiceQueuePut { voice_queue, deleted: false }], guard).await;

    texts(&storage, &ledger, tenant, me).await;
    queues(&storage, &ledger, tenant, me).await;
    contacts(&storage, &ledger, tenant, me).await;
    webhooks(&storage, &ledger, tenant).await;
    let needle = Needle::typed("(555) 010").unwrap();

    storage.phone_number(&number).await.unwrap();
    storage.phone_numbers(tenant, None, 5).await.unwrap();
    storage.caller_ids_of([me]).await.unwrap();
    storage.senders(tenant, me).await.unwrap();
    storage.voice_queue(tenant, "support").await.unwrap();
    for agent in [None, Some("201")] {
        storage.voice_queues(tenant, agent, None, 5).await.unwrap();
    }
    storage.names_of(tenant, &BTreeSet::from(["201"])).await.unwrap();
    storage.conversation(chat).await.unwrap();
    storage.participants(tenant, me, chat, None, 5).await.unwrap();
    storage.groups(tenant, me).await.unwrap();
    storage.member(tenant, chat, "201").await.unwrap();
    storage.colleagues(tenant, &["201".into()]).await.unwrap();
    storage.by_natural_key(tenant, "x").await.unwrap();
    storage.row(tenant, me, chat).await.unwrap();
    for filter in [Filter::All, Filter::Unread, Filter::NeedsReply, Filter::Closed, Filter::Missed] {
        let before = Some((Timestamp(5), chat));
        storage.conversations(tenant, me, filter, needle.as_ref(), before, 5).await.unwrap();
    }
    storage.snapshot(tenant, me, 5).await.unwrap();
    for page in [Page::Newest, Page::Before(5), Page::After(5)] {
        storage.history(tenant, me, chat, page, 5).await.unwrap();
    }
    for reader in [Reader::Tenant, Reader::Extension(me)] {
        storage.changes(tenant, reader, 0, 1_000).await.unwrap();
    }
    storage.people(tenant, [me]).await.unwrap();
    storage.authenticate(SecretHash::of("token")).await.unwrap();

    let noted = NOTED.lock().unwrap().clone();
    assert!(noted.len() > 150, "{}", noted.len());
    let mut scans = Vec::new();
    for sql in noted {
        let plan = storage.0.reader.query_all_raw(Dialect::Sqlite.statement(&format!("EXPLAIN QUERY PLAN {sql}"), []));
        let mut looked_up = BTreeSet::new();
        for step in plan.await.unwrap() {
            let parent: i32 = step.try_get("", "parent").unwrap();
            let step: String = step.try_get("", "detail").unwrap();
            // The rows that a statement brings along are looked through, of course, and the few that a row shows.
            let brought = step.contains("jsonb_each") || step.contains(" r");
            // Once a second each queue and each webhook is asked whether anything falls due in it, and now and then who holds what.
            let own = [" shown", "CONSTANT", " each_queue", " held", " each_webhook"];
            let is_own = brought || own.iter().any(|own| step.contains(own));
            if step.starts_with("SCAN") && !is_own {
                scans.push(format!("{step}: {sql}"));
            }
            // But once, and not for each row of a table.
            if step.starts_with("SCAN") && brought && looked_up.contains(&parent) {
                scans.push(format!("{step} for each row: {sql}"));
            }
            if step.starts_with("SCAN") || step.starts_with("SEARCH") {
                looked_up.insert(parent);
            }
        }
    }
    assert!(scans.is_empty(), "{scans:#?}");
}

/// All that is written and read of texts.
async fn texts(storage: &Storage, ledger: &Ledger, tenant: TenantId, me: ExtensionId) {
    let commit = async |once: Option<Once>, changes: Vec<Change>, guards: Vec<Guard>| {
        let unit = Unit { by: By::Engine(tenant), once, decision: Decision { guards, changes } };
        assert!(matches!(ledger.commit(unit).await, Ok(Outcome::Committed(_))));
    };
    let id = ConversationId(Uuid::from_u128(3));
    let (ours, theirs) = (Number::stored("+14045550100".into()), Number::stored("+14045550199".into()));
    let pair = Pair { ours: ours.clone(), theirs: theirs.clone() };
    let file = (AttachmentId(Uuid::from_u128(7)), Media { url: "u".into(), content_type: "image/png".into() });
    let bare = NewMessage::bare(id, MessageText::stored("Hi".into()), [me].into());
    let delivery = Delivery {
        number: theirs.clone(),
        our_number: Some(ours.clone()),
        status: Status::Queued,
        attempt: 1,
        attempt_id: None,
        segments: 1,
        error: None,
        updated_at: Timestamp(0),
        due_at: Timestamp(0),
        since: Timestamp(0),
        place: 0,
        tries: 0,
        confirms_opt_out: false,
    };
    let incoming = Incoming {
        carrier: "sim".into(),
        provider_id: "1".into(),
        from: theirs.clone(),
        to: ours.clone(),
        text: MessageText::stored("Hi".into()),
        media: vec![],
        keyword: None,
    };
    let inbound = NewMessage {
        direction: Direction::Inbound,
        author: Author::Number(theirs.clone()),
        attachments: vec![file.clone()],
        reply: Reply::Owed,
        ..bare.clone()
    };
    let outbound = NewMessage {
        direction: Direction::Outbound,
        author: Author::Extension(me),
        deliveries: vec![delivery.clone()],
        reply: Reply::Given,
        ..bare
    };
    let once = Once::Incoming { carrier: "sim".into(), provider_id: "1".into() };
    let created = create_sms(me, pair.clone(), id);
    commit(Some(once), vec![created, Change::MessageAdded(inbound)], vec![]).await;
    let consent = Guard::Consent { ours: ours.clone(), theirs: theirs.clone(), opted_out: false };
    commit(None, vec![Change::MessageAdded(outbound)], vec![Guard::Conversation(id, 1), consent]).await;
    let attempt = AttemptId(Uuid::from_u128(9));
    let moved = DeliveryMoved {
        conversation: id,
        seq: 2,
        delivery: delivery.take(attempt, Timestamp(1)).unwrap(),
        begins: Some("sim".into()),
        provider_ids: vec!["SM1".into()],
        audience: [me].into(),
    };
    let (number, status) = (theirs.clone(), Status::Queued);
    let guard = Guard::Delivery { conversation: id, seq: 2, number, attempt: 1, status };
    let guards = vec![Guard::Conversation(id, 1), guard];
    commit(None, vec![Change::DeliveryMoved(Box::new(moved))], guards).await;
    let settled = Change::AttachmentSettled {
        conversation: id,
        seq: 1,
        id: file.0,
        content_type: "image/png".into(),
        state: AttachmentState::Stored,
        size: Some(1),
        audience: [me].into(),
    };
    commit(None, vec![settled], vec![Guard::Conversation(id, 1)]).await;
    let consent = Consent {
        our_number: Some(ours.clone()),
        number: theirs.clone(),
        opted_out: true,
        source: Source::Keyword,
        by: None,
        reason: None,
        at: Timestamp(0),
    };
    let automatic = Change::AutomaticText { ours: ours.clone(), theirs: theirs.clone(), keyword: None };
    let guard = Guard::AutomaticTexts { ours: ours.clone(), theirs: theirs.clone(), sent: 0 };
    commit(None, vec![Change::ConsentPut { consent, audience: [me].into() }, automatic], vec![guard]).await;
    let unrouted = UnroutedId(Uuid::from_u128(8));
    let added = Change::UnroutedAdded { id: unrouted, incoming: Box::new(incoming), audience: [me].into() };
    commit(None, vec![added], vec![]).await;
    storage.unrouted(tenant, None, 5).await.unwrap();
    storage.one_unrouted(tenant, unrouted).await.unwrap();
    let assigned = Change::UnroutedAssigned { id: unrouted, audience: [me].into() };
    commit(None, vec![assigned], vec![Guard::Unrouted(unrouted)]).await;
    let settings = Change::SettingsPut(Box::default());
    commit(None, vec![settings], vec![Guard::Settings(0)]).await;

    storage.conversation(id).await.unwrap();
    storage.settings(tenant).await.unwrap();
    storage.lookup(tenant, &pair, Some("201"), true, Timestamp(5)).await.unwrap();
    storage.waiting_at(&ours, 5).await.unwrap();
    storage.numbers_due(Timestamp(0), Timestamp(5)).await.unwrap();
    storage.underway(id, 2).await.unwrap();
    storage.attempt(attempt).await.unwrap();
    storage.attempt_named("sim", "SM1").await.unwrap();
    storage.consents(tenant, Some(("+1", "")), 5).await.unwrap();
    storage.consents_of(tenant, &theirs).await.unwrap();
    storage.threads_with(tenant, &theirs).await.unwrap();
    storage.administrators(tenant).await.unwrap();
    storage.pending_files(Timestamp(5), 5).await.unwrap();
    storage.postpone_file(file.0, Timestamp(5)).await.unwrap();
    storage.keep_file(file.0, vec![1]).await.unwrap();
    storage.file(tenant, me, file.0).await.unwrap();
    storage.keep_simulated(&ours, &theirs, "Hi").await.unwrap();
    storage.simulated(&theirs, 0, 5).await.unwrap();
    let piece = StoredPiece {
        id: Uuid::from_u128(5),
        carrier: "sim".into(),
        ours: ours.clone(),
        theirs: theirs.clone(),
        long_text: Some("udh8/1/2".into()),
        part: 1,
        total: 2,
        data_coding: 0,
        octets: vec![1],
        digest: vec![2; 32],
        at: Timestamp(1),
        session: Some(Uuid::from_u128(7)),
    };
    let kept = PieceWrites { keep: vec![piece.clone()], ..PieceWrites::default() };
    storage.write_pieces(&kept, Timestamp(1)).await.unwrap();
    let same = storage.pieces_like(&[piece.digest.clone()].into()).await.unwrap();
    assert_eq!(same.iter().map(|same| same.id).collect::<Vec<_>>(), [piece.id]);
    let pair = Pair { ours: ours.clone(), theirs: theirs.clone() };
    assert_eq!(storage.unused_pieces(&pair, 5).await.unwrap(), std::slice::from_ref(&piece));
    let of = std::slice::from_ref(&piece.carrier);
    assert_eq!(storage.pairs_of_pieces(of, Timestamp(5), Timestamp(5), 5).await.unwrap(), [pair].into());
    let again = vec![(piece.id, Uuid::from_u128(8))];
    let later = PieceWrites { keep: vec![], again, used: vec![piece.id], answered: vec![piece.id] };
    storage.write_pieces(&later, Timestamp(5)).await.unwrap();
    let open = [Uuid::from_u128(7)];
    storage.pieces_settled(std::slice::from_ref(&piece.carrier), &open, &[piece.id], Timestamp(5)).await.unwrap();
    storage.forget_pieces(Timestamp(5), Timestamp(5)).await.unwrap();
    let (id, carrier, provider_id) = (Uuid::from_u128(6), "sim".into(), "1".into());
    let held = HeldReceipt { id, carrier, provider_id, receipt: Receipt::Delivered, at: Timestamp(1) };
    storage.hold_receipt(&held).await.unwrap();
    assert_eq!(
        storage.held_receipts(std::slice::from_ref(&piece.carrier), 5).await.unwrap(),
        std::slice::from_ref(&held)
    );
    storage.let_receipt_go(held.id).await.unwrap();
    storage.part_delivered(attempt, 0).await.unwrap();
    storage.dead_letters(tenant, true, None, 5).await.unwrap();
    storage.dead_letter(Uuid::nil()).await.unwrap();
    storage.replayed(Uuid::nil()).await.unwrap();
    storage.forget_dead_letters(Timestamp(5)).await.unwrap();
    storage.is_behind(&ours, &theirs, 5).await.unwrap();
    storage.sender_revision(tenant, me, &ours).await.unwrap();
}

/// All that is written and read of phonebooks, calls and the audit log.
async fn contacts(storage: &Storage, ledger: &Ledger, tenant: TenantId, me: ExtensionId) {
    let commit = async |Decision { changes, guards }: Decision| {
        let unit = Unit { by: By::Engine(tenant), once: None, decision: Decision { guards, changes } };
        assert!(matches!(ledger.commit(unit).await, Ok(Outcome::Committed(_))));
    };
    let (id, first, second) = (PhonebookId(Uuid::from_u128(6)), generation(7), generation(8));
    let wanted = Phonebook { key: "crm".into(), name: "Customers".into(), source: PhonebookSource::Crm };
    commit(put_phonebook(None, wanted, (id, first)).0).await;
    let book = async || storage.phonebook(tenant, "crm").await.unwrap().unwrap();
    let number = Number::stored("+14045550199".into());
    let ann = |key: &str| Contact { key: key.into(), name: "Ann".into(), numbers: vec![number.clone()] };
    let is = storage.contacts_of(tenant, first, ["1"]).await.unwrap();
    commit(patch_contacts(&book().await, &is, vec![ann("1")], vec![]).unwrap()).await;
    storage.begin_load(tenant, second).await.unwrap();
    assert!(storage.load(tenant, second, &[ann("2")]).await.unwrap());
    assert!(storage.difference(tenant, first, second).await.unwrap().added == 1);
    commit(replace_contacts(&book().await, second, 1, Renamed::Any)).await;
    while storage.clear_loads(Timestamp(1)).await.unwrap() {}
    let direction = CallDirection::Inbound;
    let (key, extension, caller_name, at) = ("1".to_owned(), "201".to_owned(), Some("LEE".to_owned()), Timestamp(5));
    let call = Call { key, extension: extension.clone(), direction, number: number.clone(), caller_name, at };
    let calls = vec![call.clone()];
    let changes = vec![Change::CallsPut { extension, calls, renamed: Renamed::Any }];
    commit(Decision { guards: vec![], changes: [changes, vec![Change::NamesDiffer { extension: me }]].concat() }).await;

    let caller = Caller { tenant, extension: me, number: "201".into(), name: "Jake".into(), role: Role::User };
    storage.known_calls(tenant, &[call]).await.unwrap();
    storage.phonebooks(tenant, None, 5).await.unwrap();
    storage.my_phonebooks(tenant, me).await.unwrap();
    storage.phonebooks_of([me]).await.unwrap();
    storage.number_reused_at(tenant, me).await.unwrap();
    for (action, by) in [(None, None), (Some("login"), None), (None, Some("201"))] {
        storage.audited(tenant, action, by, None, 5).await.unwrap();
    }
    storage.contacts(tenant, second, None, 5).await.unwrap();
    for needle in [None, Needle::typed("ann lee").unwrap(), Needle::typed("0199").unwrap()] {
        storage.contacts_by_name(tenant, second, needle.as_ref(), Some(("a", "b")), 5).await.unwrap();
        if let Some(needle) = needle {
            storage.candidates(&caller, &needle).await.unwrap();
            storage.extensions(tenant, Some(&needle), None, true, 5).await.unwrap();
        }
    }
    storage.contact_names(&caller, [number.clone(), Number::stored("+14045550188".into())]).await.unwrap();
    storage.seen_in(&caller, &[number]).await.unwrap();
    storage.recent(&caller, 5).await.unwrap();
    storage.audited(tenant, Some("login"), Some("201"), None, 5).await.unwrap();
    storage.forget_audit(Timestamp(0)).await.unwrap();
}

fn generation(n: u128) -> GenerationId {
    GenerationId(Uuid::from_u128(n))
}

/// All that is written and read of SMS queues.
async fn queues(storage: &Storage, ledger: &Ledger, tenant: TenantId, me: ExtensionId) {
    let commit = async |changes: Vec<Change>, guards: Vec<Guard>| {
        let unit = Unit { by: By::Engine(tenant), once: None, decision: Decision { guards, changes } };
        assert!(matches!(ledger.commit(unit).await, Ok(Outcome::Committed(_))));
    };
    let (id, queue) = (ConversationId(Uuid::from_u128(4)), QueueId(Uuid::from_u128(5)));
    let (idle_timeout_s, unclaimed_timeout_s, timeout_response) = (1, 1, None);
    let settings = queue::Settings { name: "Support".into(), idle_timeout_s, unclaimed_timeout_s, timeout_response };
    let put = queue::QueuePut {
        id: queue,
        key: "support".into(),
        settings: settings.clone(),
        members: vec!["201".into()],
        deleted: false,
        audience: [me].into(),
    };
    commit(vec![Change::QueuePut(Box::new(put))], vec![Guard::NoQueue("support".into())]).await;
    let agent = storage.agent(tenant, queue, me).await.unwrap().unwrap();
    let logged_in = Change::AgentPut { queue, agent, audience: [me].into() };
    commit(vec![logged_in], vec![Guard::Queue(queue, 1), Guard::Agent(queue, me, 0)]).await;
    let incoming = Incoming {
        carrier: "sim".into(),
        provider_id: "2".into(),
        from: Number::stored("+14045550199".into()),
        to: Number::stored("+14045550100".into()),
        text: MessageText::stored("Hi".into()),
        media: vec![],
        keyword: None,
    };
    let arrival = Arrival {
        incoming,
        word: None,
        attachments: vec![],
        known: KnownPair::default(),
        guards: vec![],
        also: vec![],
        now: Timestamp(0),
    };
    let line = storage.line(tenant, queue).await.unwrap().unwrap();
    let Decision { changes, guards } = enter(id, &line, &arrival);
    commit(changes, guards).await;
    let waiting = storage.conversation(id).await.unwrap().unwrap();
    let role = Role::User;
    let caller = Caller { tenant, extension: me, number: "201".into(), name: "Jake".into(), role };
    let agent = storage.agent_numbered(tenant, queue, "201").await.unwrap().unwrap();
    let agent = Agent { logged_in: true, ..agent };
    let Decision { changes, guards } = claim(&waiting, &caller, &agent).unwrap();
    commit(changes, guards).await;
    let claimed = storage.conversation(id).await.unwrap().unwrap();
    let Decision { changes, guards } = close(&claimed, &caller).unwrap();
    commit(changes, guards).await;
    commit(vec![], vec![Guard::NoneOpen(queue), Guard::Owed(id, None)]).await;

    storage.queue(queue).await.unwrap();
    storage.board(queue).await.unwrap();
    storage.line_of(tenant, "support").await.unwrap();
    storage.queue_of_key(tenant, "support").await.unwrap();
    storage.queue_in(tenant, id).await.unwrap();
    storage.feeding(tenant, "support").await.unwrap();
    storage.is_in_use(queue).await.unwrap();
    storage.is_readable(tenant, ExtensionId(Uuid::from_u128(77)), id).await.unwrap();
    storage.queues_of(tenant, me).await.unwrap();
    storage.held(tenant, me).await.unwrap();
    storage.held_in(tenant, queue, me).await.unwrap();
    storage.agent_states(tenant, me).await.unwrap();
    storage.orphans_of(tenant, me).await.unwrap();
    storage.concerned_by(tenant, queue).await.unwrap();
    storage.is_queue(tenant, queue).await.unwrap();
    storage.availability(tenant).await.unwrap();
    storage.all_queues(tenant).await.unwrap();
    storage.provisioned_queues(tenant, None, 5).await.unwrap();
    for which in [InQueue::Waiting, InQueue::Claimed, InQueue::Closed, InQueue::Missed] {
        storage.in_queue(tenant, me, queue, which, None, 5).await.unwrap();
    }
    storage.earlier(tenant, me, id, None, 5).await.unwrap();
    storage.due(Timestamp(5), 5).await.unwrap();
    storage.orphans().await.unwrap();
    storage.known_when_due(id, Timestamp(5)).await.unwrap();
}

/// All that is written and read of webhooks.
async fn webhooks(storage: &Storage, ledger: &Ledger, tenant: TenantId) {
    let (node, now, lease) = (Uuid::from_u128(70), Timestamp(5), std::time::Duration::from_secs(1));
    let secret = Secret("whsec_".into());
    assert!(storage.make_webhook(tenant, "pbx", "https://x", &Wanted::All, &secret).await.unwrap());
    let agent = VoiceAgent { extension: "201".into(), logged_in: true, paused: false, pause_reason: None };
    let request = Change::VoiceAgentRequested(VoiceAgentRequest { queue: "support".into(), agent });
    let unit =
        Unit { by: By::Engine(tenant), once: None, decision: Decision { guards: vec![], changes: vec![request] } };
    assert!(matches!(ledger.commit(unit).await, Ok(Outcome::Committed(_))));
    storage.enabled_webhooks(node, now).await.unwrap();
    let webhook = storage.webhook(tenant, "pbx").await.unwrap().unwrap();
    let id = webhook.id;
    let webhook = storage.lease_webhook(id, node, now, lease).await.unwrap().unwrap();
    storage.leased_webhook(id, node).await.unwrap();
    let (changes, upto) = storage.changes_within(tenant, 0, 1_000, &Wanted::All).await.unwrap();
    assert!(changes.len() > 10, "{changes:?}");
    let delivery = |n| NewDelivery { id: Uuid::from_u128(n), kind: "message.created", body: "{}".into() };
    let kept = storage.keep_webhook_deliveries(&webhook, node, upto, &[delivery(71), delivery(72)]).await.unwrap();
    assert!(kept);
    let WebhookTurn::Send(first) = storage.webhook_turn(id, Timestamp(i64::MAX)).await.unwrap() else {
        panic!("two wait")
    };
    storage.settle_webhook_delivery(&webhook, &first, &Attempt::Gone, Then::GivenUp).await.unwrap();
    storage.webhook_rests(id, node).await.unwrap();
    storage.webhook_deliveries(id, None, 5).await.unwrap();
    storage.replay_webhook_delivery(id, first.id).await.unwrap();
    storage.forget_webhook_deliveries(id, lease, 5).await.unwrap();
    storage.takes_requests(tenant).await.unwrap();
    storage.alter_webhook(&webhook, "https://y", &Wanted::All, &secret).await.unwrap();
    storage.release_webhooks(node).await.unwrap();
    storage.delete_webhook(tenant, "pbx").await.unwrap();
}
