//! `/openapi.json`, from the Rust types, and `/docs` to read it at.

use actix_web::{HttpResponse, get, http::header};
use utoipa::{
    OpenApi,
    openapi::{
        OpenApi as Document, RefOr, Schema,
        schema::{AdditionalProperties, AnyOf, OneOf},
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};
use utoipa_swagger_ui::SwaggerUi;

use crate::protocol::{
    frames::{ClientFrame, ServerFrame},
    problem::Problem,
    requests::{ConversationFilter, InQueueState},
    voice_queues::VoiceAgentRequested,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Partyline",
        description = "The real-time messaging engine of a business phone system. \
            The frames of the WebSocket `/v1/ws` are among the schemas: `ClientFrame` and `ServerFrame`.",
        license(name = "MIT", identifier = "MIT")
    ),
    tags(
        (name = "people", description = "Signing in, and who is there"),
        (name = "conversations", description = "What is said"),
        (name = "pbx", description = "What the PBX provisions"),
        (name = "carriers", description = "What carriers bring, in their own formats"),
        (name = "simulator", description = "The built-in carrier's phones"),
        (name = "queues", description = "SMS queues, for their agents and supervisors"),
        (name = "operation", description = "For operators")
    ),
    components(schemas(ClientFrame, ServerFrame, Problem, ConversationFilter, InQueueState, VoiceAgentRequested))
)]
struct Api;

/// What the routes are added to.
pub fn document() -> Document {
    Api::openapi()
}

/// Every call takes a bearer token, but those that say otherwise.
pub fn with_security(mut document: Document) -> Document {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A token of `POST /v1/login`; for `/v1/pbx` an API key as well."))
        .build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    for (name, schema) in &mut components.schemas {
        correct(name, schema);
    }
    document.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>("bearer", [])]);
    document
}

/// What the types can't say of themselves.
fn correct(name: &str, schema: &mut RefOr<Schema>) {
    let RefOr::T(Schema::OneOf(one_of)) = schema else { return };
    if one_of.items.iter().all(|item| matches!(item, RefOr::Ref(_))) {
        // Which of them it is can't always be told: an empty list is a list of anything.
        let OneOf { items, description, .. } = std::mem::take(one_of);
        *schema = RefOr::T(Schema::AnyOf(AnyOf { items, description, ..AnyOf::default() }));
    } else if COMES_IN.contains(&name) {
        for item in &mut one_of.items {
            if let RefOr::T(Schema::Object(object)) = item {
                object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
            }
        }
    }
}

/// What comes in in one of several shapes, each of which refuses an unknown field.
const COMES_IN: [&str; 2] = ["ClientFrame", "CreateConversation"];

/// The document and the page.
pub fn page(document: Document) -> SwaggerUi {
    SwaggerUi::new("/docs/{_:.*}").url("/openapi.json", document)
}

/// `/docs` is `/docs/`.
#[get("/docs")]
pub async fn redirect() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((header::LOCATION, "/docs/")).finish()
}
