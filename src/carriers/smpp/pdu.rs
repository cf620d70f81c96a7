//! PDUs, as they go over the wire (SMPP 3.4, sections 3.2, 4 and 5.3).
//!
//! They are read leniently, as what real message centres send breaks the specification in small ways: strings that aren't
//! ASCII, TLVs without their last NUL. A PDU whose body can't be read is still a PDU: the link goes on, and what it
//! brought is kept whole.

use super::{piece::Sar, segment::Segment};

/// The longest PDU we take, in octets: a text in `message_payload` may have 64 KiB.
pub(super) const LONGEST: usize = 70_000;
/// Length, command, status, sequence.
const HEADER: usize = 16;

/// What all is well is called (`ESME_ROK`).
pub(super) const OK: u32 = 0;
/// "Not now, bring it again": a temporary error of the receiver's application (`ESME_RX_T_APPN`).
pub(super) const NOT_NOW: u32 = 0x64;
/// A command that isn't one (`ESME_RINVCMDID`).
const NO_SUCH_COMMAND: u32 = 0x03;

const GENERIC_NACK: u32 = 0x8000_0000;
const BIND_TRANSCEIVER: u32 = 0x09;
const SUBMIT_SM: u32 = 0x04;
const DELIVER_SM: u32 = 0x05;
const UNBIND: u32 = 0x06;
const ENQUIRE_LINK: u32 = 0x15;
/// A response has the number of its request, and this bit.
const RESPONSE: u32 = 0x8000_0000;

/// A PDU that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Heard {
    /// A response has that of its request.
    pub sequence: u32,
    /// Of a response: how it went.
    pub status: u32,
    /// It.
    pub what: What,
}

/// What a PDU is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// `bind_transceiver_resp`
    Bound,
    /// `submit_sm_resp`, with the message's name at the carrier; empty where the text was refused.
    Submitted(String),
    /// `deliver_sm`
    Brought(Box<Brought>),
    /// A `deliver_sm` whose body can't be read.
    Unreadable,
    /// `enquire_link`
    Enquired,
    /// `enquire_link_resp`
    Alive,
    /// `unbind`
    Unbind,
    /// `unbind_resp`
    Unbound,
    /// `generic_nack`
    Nack,
    /// A request that we don't know.
    Foreign,
    /// A response to what we never asked.
    Stray,
}

/// What a `deliver_sm` brings: a text, a piece of one, or a receipt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Brought {
    /// Who sent it.
    pub from: Address,
    /// For whom.
    pub to: Address,
    pub esm_class: u8,
    pub data_coding: u8,
    pub short_message: Vec<u8>,
    pub message_payload: Option<Vec<u8>>,
    pub sar: Option<Sar>,
    pub receipted_message_id: Option<Vec<u8>>,
    pub message_state: Option<u8>,
    pub network_error_code: Option<Vec<u8>>,
}

/// Somebody's address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Address {
    /// The type of number (5.2.5): 1 international, 5 alphanumeric.
    pub ton: u8,
    /// The numbering plan (5.2.6): 1 is that of telephony.
    pub npi: u8,
    /// Its digits or letters, without a `+`.
    pub text: String,
}

/// Takes a whole PDU off the front of what has come. `None`: there is more to come. The error: the length is nonsense,
/// and nobody knows where the next PDU begins.
pub(super) fn framed(buffer: &mut Vec<u8>) -> Result<Option<Vec<u8>>, BadLength> {
    let Some(length) = buffer.first_chunk().map(|four| u32::from_be_bytes(*four)) else { return Ok(None) };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if !(HEADER..=LONGEST).contains(&length) {
        return Err(BadLength);
    }
    if buffer.len() < length {
        return Ok(None);
    }
    let rest = buffer.split_off(length);
    Ok(Some(std::mem::replace(buffer, rest)))
}

/// A PDU's length is nonsense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadLength;

/// Reads a whole PDU.
pub(super) fn read(pdu: &[u8]) -> Heard {
    let mut fields = Fields(pdu);
    let mut word = || fields.u32().unwrap_or(0);
    let (_length, command, status, sequence) = (word(), word(), word(), word());
    let what = match command {
        DELIVER_SM => brought(fields).map_or(What::Unreadable, |brought| What::Brought(Box::new(brought))),
        ENQUIRE_LINK => What::Enquired,
        UNBIND => What::Unbind,
        GENERIC_NACK => What::Nack,
        command if command & RESPONSE == 0 => What::Foreign,
        command => match command & !RESPONSE {
            BIND_TRANSCEIVER => What::Bound,
            // The body may be missing where the status says no.
            SUBMIT_SM => What::Submitted(fields.last_string()),
            ENQUIRE_LINK => What::Alive,
            UNBIND => What::Unbound,
            _ => What::Stray,
        },
    };
    Heard { sequence, status, what }
}

fn brought(mut fields: Fields<'_>) -> Option<Brought> {
    let _service_type = fields.string()?;
    let from = fields.address()?;
    let to = fields.address()?;
    let esm_class = fields.u8()?;
    let (_protocol, _priority) = (fields.u8()?, fields.u8()?);
    let (_schedule, _validity) = (fields.string()?, fields.string()?);
    let (_registered, _replace) = (fields.u8()?, fields.u8()?);
    let data_coding = fields.u8()?;
    let _canned = fields.u8()?;
    let length = fields.u8()?;
    let short_message = fields.octets(length.into())?.to_vec();
    let mut brought = Brought { from, to, esm_class, data_coding, short_message, ..Brought::default() };
    let (mut reference, mut total, mut part) = (None, None, None);
    // What is after the last parameter that is whole is nothing: an octet too many, or a parameter that is cut off.
    while let Some((tag, value)) = fields.parameter() {
        match tag {
            0x0424 => brought.message_payload = Some(value.to_vec()),
            0x001e => brought.receipted_message_id = Some(value.to_vec()),
            0x0427 => brought.message_state = value.first().copied(),
            0x0423 => brought.network_error_code = Some(value.to_vec()),
            0x020c => reference = Fields(value).u16(),
            0x020e => total = value.first().copied(),
            0x020f => part = value.first().copied(),
            _ => {}
        }
    }
    if let (Some(reference), Some(total), Some(part)) = (reference, total, part) {
        brought.sar = Some(Sar { reference, total, part });
    }
    // Then what was cut off is what it was about.
    let is_empty = brought.short_message.is_empty() && brought.message_payload.is_none();
    let is_cut_off = !fields.0.is_empty() && is_empty && brought.receipted_message_id.is_none();
    (!is_cut_off).then_some(brought)
}

/// What is left to read of a body.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn octets(&mut self, count: usize) -> Option<&'a [u8]> {
        let (octets, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(octets)
    }

    fn u8(&mut self) -> Option<u8> {
        self.octets(1).map(|octets| octets[0])
    }

    fn u16(&mut self) -> Option<u16> {
        let (octets, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u16::from_be_bytes(*octets))
    }

    fn u32(&mut self) -> Option<u32> {
        let (octets, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*octets))
    }

    /// Up to the next NUL.
    fn string(&mut self) -> Option<String> {
        let end = self.0.iter().position(|octet| *octet == 0)?;
        let octets = self.octets(end + 1)?;
        Some(String::from_utf8_lossy(&octets[..end]).into_owned())
    }

    /// Up to the next NUL, or all that is left: some leave the last NUL of a PDU out.
    fn last_string(&mut self) -> String {
        self.string().unwrap_or_else(|| String::from_utf8_lossy(self.0).into_owned())
    }

    /// An optional parameter (3.2.4), if there is a whole one.
    fn parameter(&mut self) -> Option<(u16, &'a [u8])> {
        let mut rest = Fields(self.0);
        let (tag, length) = (rest.u16()?, rest.u16()?);
        let value = rest.octets(length.into())?;
        *self = rest;
        Some((tag, value))
    }

    fn address(&mut self) -> Option<Address> {
        Some(Address { ton: self.u8()?, npi: self.u8()?, text: self.string()? })
    }
}

/// `bind_transceiver`, as version 3.4.
pub(super) fn bind(sequence: u32, system_id: &str, password: &str) -> Vec<u8> {
    let mut body = Body::default();
    // The type of the system is empty, and so is the range of addresses: whatever is ours.
    body.string(system_id).string(password).string("").octet(0x34).octet(0).octet(0).string("");
    body.pdu(BIND_TRANSCEIVER, OK, sequence)
}

/// `submit_sm`, asking for a receipt of what becomes of it in the end.
pub(super) fn submit(sequence: u32, from: &Address, to: &Address, segment: &Segment) -> Vec<u8> {
    let mut body = Body::default();
    body.string("").address(from).address(to).octet(segment.esm_class);
    // Protocol and priority are the network's; at once, and as long as the carrier tries by itself.
    body.octet(0).octet(0).string("").string("");
    // With a receipt; nothing is replaced; no canned message.
    body.octet(1).octet(0).octet(segment.data_coding).octet(0);
    // A segment has at most 160 octets.
    let octets = &segment.octets[..segment.octets.len().min(254)];
    body.octet(u8::try_from(octets.len()).unwrap_or(254)).octets(octets);
    body.pdu(SUBMIT_SM, OK, sequence)
}

/// `deliver_sm_resp`
pub(super) fn answer(sequence: u32, status: u32) -> Vec<u8> {
    let mut body = Body::default();
    // Its message_id is unused, and there (4.6.2).
    body.string("");
    body.pdu(DELIVER_SM | RESPONSE, status, sequence)
}

/// `enquire_link`
pub(super) fn enquire(sequence: u32) -> Vec<u8> {
    Body::default().pdu(ENQUIRE_LINK, OK, sequence)
}

/// `enquire_link_resp`
pub(super) fn alive(sequence: u32) -> Vec<u8> {
    Body::default().pdu(ENQUIRE_LINK | RESPONSE, OK, sequence)
}

/// `unbind`
pub(super) fn unbind(sequence: u32) -> Vec<u8> {
    Body::default().pdu(UNBIND, OK, sequence)
}

/// `unbind_resp`
pub(super) fn unbound(sequence: u32) -> Vec<u8> {
    Body::default().pdu(UNBIND | RESPONSE, OK, sequence)
}

/// `generic_nack`, to a request that we don't know.
pub(super) fn nack(sequence: u32) -> Vec<u8> {
    Body::default().pdu(GENERIC_NACK, NO_SUCH_COMMAND, sequence)
}

#[derive(Default)]
struct Body(Vec<u8>);

impl Body {
    fn octet(&mut self, octet: u8) -> &mut Self {
        self.0.push(octet);
        self
    }

    fn octets(&mut self, octets: &[u8]) -> &mut Self {
        self.0.extend_from_slice(octets);
        self
    }

    fn string(&mut self, text: &str) -> &mut Self {
        self.octets(text.as_bytes()).octet(0)
    }

    fn address(&mut self, Address { ton, npi, text }: &Address) -> &mut Self {
        self.octet(*ton).octet(*npi).string(text)
    }

    fn pdu(&self, command: u32, status: u32, sequence: u32) -> Vec<u8> {
        let length = u32::try_from(HEADER + self.0.len()).unwrap_or(u32::MAX);
        let header = [length, command, status, sequence].map(u32::to_be_bytes).concat();
        [header, self.0.clone()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn deliver(text: &[u8], tlvs: &[u8]) -> Vec<u8> {
        let mut body = Body::default();
        let from = Address { ton: 1, npi: 1, text: "14045550199".into() };
        let to = Address { ton: 1, npi: 1, text: "14045550100".into() };
        body.string("").address(&from).address(&to).octet(0x40).octet(0).octet(0).string("").string("");
        body.octet(0).octet(0).octet(8).octet(0).octet(u8::try_from(text.len()).unwrap()).octets(text).octets(tlvs);
        body.pdu(DELIVER_SM, OK, 7)
    }

    #[test]
    fn what_we_send_is_as_the_specification_has_it() {
        // The example of section 3.2.3 is bound as a transmitter; this is its twin.
        let expected = "00000028000000090000000000000001534d50503354455354007365637265743038000034000000";
        assert_eq!(hex(&bind(1, "SMPP3TEST", "secret08")), expected);
        assert_eq!(hex(&enquire(3)), "00000010000000150000000000000003");
        assert_eq!(hex(&alive(3)), "00000010800000150000000000000003");
        assert_eq!(hex(&answer(9, NOT_NOW)), "0000001180000005000000640000000900");
        let address = |text: &str| Address { ton: 1, npi: 1, text: text.into() };
        let segment = Segment { esm_class: 0x40, data_coding: 8, octets: vec![5, 0, 3, 1, 2, 1, 0, 65] };
        let sent = submit(5, &address("14045550100"), &address("14045550199"), &segment);
        let (from, to) = ("313430343535353031303000", "313430343535353031393900");
        let body = format!("000101{from}0101{to}400000000001000800080500030102010041");
        assert_eq!(hex(&sent), format!("0000003f000000040000000000000005{body}"));
    }

    fn hex(octets: &[u8]) -> String {
        octets.iter().map(|octet| format!("{octet:02x}")).collect()
    }

    #[test]
    fn a_text_and_its_tlvs_are_read() {
        let tlvs = [
            &[0x02, 0x0c, 0, 2, 1, 2][..],
            &[0x02, 0x0e, 0, 1, 3],
            &[0x02, 0x0f, 0, 1, 2],
            &[0x04, 0x27, 0, 1, 2],
            &[0x00, 0x1e, 0, 3, b'a', b'b', b'c'],
            &[0x14, 0x00, 0, 1, 9],
        ];
        let heard = read(&deliver(b"Hi", &tlvs.concat()));
        let What::Brought(brought) = heard.what else { panic!("{heard:?}") };
        assert_eq!((heard.sequence, brought.from.text.as_str(), brought.from.ton), (7, "14045550199", 1));
        assert_eq!((brought.to.text.as_str(), brought.esm_class, brought.data_coding), ("14045550100", 0x40, 8));
        assert_eq!((&brought.short_message[..], brought.message_state), (&b"Hi"[..], Some(2)));
        assert_eq!(brought.sar, Some(Sar { reference: 0x0102, total: 3, part: 2 }));
        assert_eq!(brought.receipted_message_id.as_deref(), Some(&b"abc"[..]), "without a NUL, as some send it");
    }

    #[test]
    fn what_can_t_be_read_is_still_a_pdu() {
        let whole = deliver(b"Hi", &[]);
        for end in HEADER..whole.len() {
            assert_eq!(read(&whole[..end]).what, What::Unreadable, "{end}");
        }
        let cut_off = deliver(b"", &[0x04, 0x24, 0, 9, b'H']);
        assert_eq!(read(&cut_off).what, What::Unreadable, "its text is in a TLV that is too long");
        assert_eq!(read(&Body::default().pdu(0x102, OK, 4)), Heard { sequence: 4, status: 0, what: What::Foreign });
        assert_eq!(read(&Body::default().pdu(0x8000_0103, OK, 4)).what, What::Stray);
        let refused = read(&Body::default().pdu(SUBMIT_SM | RESPONSE, 0x58, 4));
        assert_eq!((refused.status, refused.what), (0x58, What::Submitted(String::new())));
    }

    #[test]
    fn a_text_is_read_in_spite_of_what_is_broken_after_it_as_a_dead_letter_reaches_nobody() {
        for broken in [&[0][..], &[0x04], &[0x04, 0x24, 0], &[0x04, 0x24, 0, 9, 1]] {
            let whole = [0x04, 0x27, 0, 1, 2];
            let heard = read(&deliver(b"Hi", &[&whole, broken].concat()));
            let What::Brought(brought) = heard.what else { panic!("{broken:?}") };
            assert_eq!((&brought.short_message[..], brought.message_state), (&b"Hi"[..], Some(2)), "{broken:?}");
            assert_eq!(brought.message_payload, None);
        }
        let receipt = read(&deliver(b"", &[0x00, 0x1e, 0, 1, b'a', 0x04]));
        assert!(matches!(receipt.what, What::Brought(brought) if brought.receipted_message_id.is_some()));
    }

    #[test]
    fn a_message_s_name_is_read_with_or_without_its_nul() {
        for name in [&b"1a2b\0"[..], b"1a2b", b"1a2b\0\0"] {
            let mut body = Body::default();
            body.octets(name);
            assert_eq!(read(&body.pdu(SUBMIT_SM | RESPONSE, OK, 4)).what, What::Submitted("1a2b".into()));
        }
    }

    #[test]
    fn pdus_are_cut_where_they_end() {
        let (one, two) = (enquire(1), deliver(b"Hi", &[]));
        let mut buffer = [one.clone(), two.clone()].concat();
        let last = buffer.pop().unwrap();
        assert_eq!(framed(&mut buffer), Ok(Some(one)));
        assert_eq!(framed(&mut buffer), Ok(None));
        buffer.push(last);
        assert_eq!(framed(&mut buffer), Ok(Some(two)));
        assert_eq!((framed(&mut buffer), buffer.len()), (Ok(None), 0));
        for length in [0_u32, 15, 70_001, u32::MAX] {
            assert_eq!(framed(&mut length.to_be_bytes().to_vec()), Err(BadLength), "{length}");
        }
    }

    proptest! {
        #[test]
        fn no_octets_make_it_panic(octets in prop::collection::vec(any::<u8>(), 0..300), command in 0_u32..0x16) {
            read(&octets);
            read(&[&[0, 0, 1, 0][..], &command.to_be_bytes(), &[0; 8], &octets].concat());
            let mut buffer = octets;
            while let Ok(Some(pdu)) = framed(&mut buffer) {
                read(&pdu);
            }
        }

        #[test]
        fn a_broken_text_does_not_either(at in 0_usize..80, octet: u8, cut in 0_usize..80) {
            let mut pdu = deliver(b"Hello", &[0x04, 0x24, 0, 2, 1, 2]);
            let (at, cut) = (at % pdu.len(), cut % pdu.len());
            pdu[at] = octet;
            read(&pdu);
            read(&pdu[..cut]);
        }
    }
}
