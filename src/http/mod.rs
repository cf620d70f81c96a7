//! The HTTP interface: every route on this page, thin handlers behind it.

mod attachments;
mod audit;
mod auth;
mod carriers;
mod client_address;
mod consents;
mod contact_stream;
mod contacts;
mod conversations;
mod dead_letters;
mod deliveries;
mod error;
mod json;
mod openapi;
mod operation;
mod participants;
mod pbx;
mod people;
mod phone_numbers;
mod phonebooks;
mod portal;
mod queues;
mod settings;
mod simulator;
mod sms;
mod sync;
mod tokens;
mod unrouted;
mod voice_queues;
mod webhooks;
mod ws;

use std::sync::Arc;

use actix_web::{
    App, Error,
    body::MessageBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    middleware::{Compress, from_fn},
    web,
};
use metrics_exporter_prometheus::PrometheusHandle;
use utoipa::openapi::OpenApi as Document;
use utoipa_actix_web::{AppExt, service_config::ServiceConfig};

use crate::{actors::Engine, config::Config};

pub use people::DemoPerson;

/// What every handler may use.
pub struct Shared {
    /// The engine.
    pub engine: Arc<Engine>,
    /// The configuration.
    pub config: Config,
    /// What `/metrics` shows.
    pub metrics: PrometheusHandle,
    /// Who can be signed in by a click, in a demo.
    pub demo: Vec<DemoPerson>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("config", &self.config).finish_non_exhaustive()
    }
}

/// The public interface: all that `/openapi.json` tells of. The paths stand at the handlers.
fn api(cfg: &mut ServiceConfig<'_>) {
    cfg.service(people::login_form)
        .service(people::login)
        .service(people::logout)
        .service(people::renew)
        .service(people::whoami)
        .service(people::extensions)
        .service(people::settings)
        .service(people::names)
        .service(contacts::find_contacts)
        .service(contacts::my_phonebooks)
        .service(contacts::contacts_of_phonebook)
        .service(conversations::list)
        .service(conversations::create)
        .service(conversations::get)
        .service(conversations::rename)
        .service(participants::list_participants)
        .service(participants::add_participants)
        .service(participants::remove_participant)
        .service(conversations::messages)
        .service(conversations::send)
        .service(conversations::read)
        .service(deliveries::retry_delivery)
        .service(queues::claim)
        .service(queues::release)
        .service(queues::transfer)
        .service(queues::close)
        .service(queues::earlier)
        .service(queues::my_queues)
        .service(queues::queue_conversations)
        .service(queues::set_agent)
        .service(consents::record_consent)
        .service(attachments::attachment)
        .service(sms::estimate_sms)
        .service(sync::sync)
        .service(ws::connect)
        .service(pbx::list_extensions)
        .service(pbx::put_extension)
        .service(pbx::delete_extension)
        .service(phonebooks::list_phonebooks)
        .service(phonebooks::put_phonebook)
        .service(phonebooks::delete_phonebook)
        .service(phonebooks::list_contacts)
        .service(phonebooks::replace_contacts)
        .service(phonebooks::patch_contacts)
        .service(contacts::report_calls)
        .service(audit::list_audit)
        .service(phone_numbers::list_carriers)
        .service(tokens::issue_token)
        .service(phone_numbers::list_numbers)
        .service(phone_numbers::put_number)
        .service(phone_numbers::delete_number)
        .service(queues::list_queues)
        .service(queues::put_queue)
        .service(queues::delete_queue)
        .service(voice_queues::list_voice_queues)
        .service(voice_queues::put_voice_queue)
        .service(voice_queues::delete_voice_queue)
        .service(voice_queues::voice_queues)
        .service(voice_queues::request_voice_agent)
        .service(webhooks::list_webhooks)
        .service(webhooks::put_webhook)
        .service(webhooks::delete_webhook)
        .service(webhooks::list_webhook_deliveries)
        .service(webhooks::replay_webhook_delivery)
        .service(settings::get_settings)
        .service(settings::put_settings)
        .service(unrouted::list_unrouted)
        .service(unrouted::assign_unrouted)
        .service(dead_letters::list_dead_letters)
        .service(dead_letters::replay_dead_letter)
        .service(consents::list_consents)
        .service(consents::put_consent)
        .service(consents::delete_consent)
        .service(carriers::inbound)
        .service(carriers::attempt_status)
        .service(carriers::status)
        .service(simulator::simulate_text)
        .service(simulator::simulated_texts)
        .service(simulator::simulated_numbers)
        .service(operation::healthz)
        .service(operation::readyz)
        .service(operation::metrics);
}

/// The OpenAPI document, from the types.
pub fn document() -> Document {
    let (_, document) = App::new().into_utoipa_app().openapi(openapi::document()).configure(api).split_for_parts();
    openapi::with_security(document)
}

/// The whole application of one worker.
pub fn application(
    shared: web::Data<Shared>,
    routes: web::Data<json::Routes>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    let (app, document) = App::new()
        .app_data(shared)
        .app_data(routes)
        .app_data(json::body(64 << 10))
        .app_data(web::PayloadConfig::new(64 << 10))
        .app_data(json::query())
        .app_data(json::path())
        .into_utoipa_app()
        .openapi(openapi::document())
        .configure(api)
        .split_for_parts();
    app.service(openapi::page(openapi::with_security(document)))
        .service(openapi::redirect)
        .service(people::demo)
        .default_service(web::to(portal::page))
        .wrap(from_fn(json::without_nul))
        .wrap(from_fn(operation::observe))
        .wrap(Compress::default())
        .wrap(portal::headers())
}

/// The paths and methods there are, for `method_not_allowed`.
pub fn routes() -> json::Routes {
    json::Routes::of(&document())
}
