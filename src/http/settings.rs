//! What is set for all of a company.

use actix_web::{
    get, put,
    web::{Data, Json},
};

use crate::{domain::settings::Settings, protocol::requests::PutSettings};

use super::{
    Shared,
    auth::Provisioner,
    error::{Problems, Refused},
    json::Fields,
};

/// What is set, defaults included.
#[utoipa::path(tag = "pbx", responses((status = 200, body = PutSettings), Problems))]
#[get("/v1/pbx/settings")]
pub async fn get_settings(shared: Data<Shared>, who: Provisioner) -> Result<Json<PutSettings>, Refused> {
    Ok(Json(shown(shared.engine.storage.settings(who.tenant).await?.settings)))
}

/// Set all of it; what is absent takes its default. The same again changes nothing.
#[utoipa::path(
    tag = "pbx",
    request_body = PutSettings,
    responses((status = 200, body = PutSettings), Problems)
)]
#[put("/v1/pbx/settings")]
pub async fn put_settings(
    shared: Data<Shared>,
    who: Provisioner,
    Fields(body): Fields<PutSettings>,
) -> Result<Json<PutSettings>, Refused> {
    let default = Settings::default();
    let settings = Settings {
        alert_tone: body.alert_tone.unwrap_or(default.alert_tone),
        region: body.region.unwrap_or(default.region),
        help_text: body.help_text,
        opt_out_text: body.opt_out_text.unwrap_or(default.opt_out_text),
        opt_in_text: body.opt_in_text.unwrap_or(default.opt_in_text),
        pause_reasons: body.pause_reasons.unwrap_or(default.pause_reasons),
    };
    shared.engine.put_settings(&who.by, settings.clone()).await?;
    Ok(Json(shown(settings)))
}

fn shown(settings: Settings) -> PutSettings {
    PutSettings {
        alert_tone: Some(settings.alert_tone),
        region: Some(settings.region),
        help_text: settings.help_text,
        opt_out_text: Some(settings.opt_out_text),
        opt_in_text: Some(settings.opt_in_text),
        pause_reasons: Some(settings.pause_reasons),
    }
}
