//! What texts cost.

use actix_web::{post, web::Json};

use crate::{
    domain::{Refusal, sms::segments, text::MAX_CHARACTERS},
    protocol::{requests::EstimateSms, shapes::SmsEstimate},
};

use super::{
    auth::SignedIn,
    error::{Problems, Refused},
    json::Fields,
};

/// What a text would cost by SMS: its encoding, its segments, and the characters that made it so.
#[utoipa::path(tag = "sms", request_body = EstimateSms, responses((status = 200, body = SmsEstimate), Problems))]
#[post("/v1/sms/estimate")]
pub async fn estimate_sms(
    _: SignedIn,
    Fields(EstimateSms { text }): Fields<EstimateSms>,
) -> Result<Json<SmsEstimate>, Refused> {
    let characters = text.chars().count();
    if characters > MAX_CHARACTERS {
        return Err(Refusal::TooLong { characters, limit: MAX_CHARACTERS }.into());
    }
    Ok(Json(segments::estimate(&text).into()))
}
