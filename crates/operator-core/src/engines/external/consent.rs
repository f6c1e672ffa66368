//! The annotation `adopt: "true"` brings a resource once. Where two objects of one name both kept taking it with one
//! consent that stands for ever, they would take it from each other for ever.

use super::{
    Adoption, External,
    engine::End,
    work::{Work, own_record},
};
use crate::engines::controller::Pass;

impl<E: External> Work<'_, E> {
    /// Takes note of a consent that was withdrawn: the next one is a new one. It is written at once, so that whoever
    /// gives it anew soon is not taken for one who never withdrew it.
    pub(super) async fn hear_consent(&self, pass: &mut Pass<E::Kind>) -> Result<(), End> {
        let stands = self.adoption == Adoption::Allowed;
        match own_record::<E>(pass) {
            Some(mut record) if record.adopted && !stands => {
                record.adopted = false;
                E::set_record(&mut pass.status, record);
                Ok(pass.record().await?)
            }
            _ => Ok(()),
        }
    }

    /// Takes note that the object has the resource: the consent that stands has done what it was given for.
    pub(super) fn use_consent(&self, pass: &mut Pass<E::Kind>) {
        let stands = self.adoption == Adoption::Allowed;
        if let Some(mut record) = own_record::<E>(pass).filter(|_| stands) {
            record.adopted = true;
            E::set_record(&mut pass.status, record);
        }
    }
}
