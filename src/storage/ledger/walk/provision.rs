//! What the PBX puts.

use std::sync::Arc;

use crate::domain::{
    Audience, Committed, Happening, TenantId,
    extension::Extension,
    phone::Number,
    provision::{
        phone_number::PhoneNumber,
        voice_queue::{VoiceAgentRequest, VoiceQueue},
    },
};

use super::{PutExtension, PutPhoneNumber, PutVoiceQueue, Walk, number_key};

impl Walk {
    pub(super) fn extension(
        &mut self,
        tenant: TenantId,
        extension: &Extension,
        password_hash: Option<String>,
        (caller_ids, phonebooks): (Vec<Number>, Vec<String>),
        made: bool,
    ) -> Arc<Committed> {
        let version = self.next_version(tenant);
        *self.ground.extensions.entry(extension.id).or_insert(0) += 1;
        if !extension.enabled {
            self.ground.gone.insert(extension.id);
        }
        let key = (tenant, number_key(&extension.number));
        if extension.deleted {
            self.ground.taken.remove(&key);
        } else {
            self.ground.taken.insert(key);
        }
        let extension_put = extension.clone();
        let put =
            PutExtension { tenant, version, extension: extension_put, password_hash, caller_ids, phonebooks, made };
        self.writes.extensions.push(put);
        self.committed(tenant, version, Audience::Tenant, Happening::ExtensionUpdated(extension.clone()))
    }

    pub(super) fn phone_number(
        &mut self,
        tenant: TenantId,
        phone_number: &PhoneNumber,
        deleted: bool,
    ) -> Arc<Committed> {
        let version = self.next_version(tenant);
        let number = phone_number.number.clone();
        let revision = self.ground.phone_numbers.entry(number.clone()).or_insert(0);
        *revision += 1;
        let put = PutPhoneNumber { tenant, version, phone_number: phone_number.clone(), deleted, revision: *revision };
        self.writes.phone_numbers.push(put);
        self.committed(tenant, version, Audience::Tenant, Happening::PhoneNumberUpdated(number))
    }

    pub(super) fn voice_queue(&mut self, tenant: TenantId, voice_queue: &VoiceQueue, deleted: bool) -> Arc<Committed> {
        let version = self.next_version(tenant);
        let key = voice_queue.key.clone();
        let revision = self.ground.voice_queues.entry((tenant, key.clone())).or_insert(0);
        *revision += 1;
        let put = PutVoiceQueue { tenant, version, voice_queue: voice_queue.clone(), deleted, revision: *revision };
        self.writes.voice_queues.push(put);
        self.committed(tenant, version, Audience::Tenant, Happening::VoiceQueueUpdated(key))
    }

    /// It is the PBX that is told, by a webhook.
    pub(super) fn voice_agent_requested(&mut self, tenant: TenantId, request: &VoiceAgentRequest) -> Arc<Committed> {
        let version = self.next_version(tenant);
        self.writes.voice_agent_requests.push((request.clone(), tenant, version));
        let happening = Happening::VoiceAgentRequested(request.clone());
        self.committed(tenant, version, Audience::Extensions([].into()), happening)
    }
}
