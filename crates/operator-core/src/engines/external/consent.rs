//! The annotation `adopt: "true"` brings a resource once. Where two objects of one name both kept taking it with one
//! consent that stands for ever, they would take it from each other for ever; and who takes a mark off is heard.

use super::{Adoption, Annotations, External, engine::End, take_back::Consent, work::own_record};
use crate::engines::controller::Pass;

/// Whether the user wants a resource taken over, or deleted, that does not carry this object's mark.
pub(super) fn consent<E: External>(pass: &Pass<E::Kind>) -> Consent {
    let record = own_record::<E>(pass);
    match record.is_some_and(|record| record.adopted) {
        _ if !stands::<E>(pass) => Consent::None,
        true => Consent::Used,
        false => Consent::Given,
    }
}

/// How to give it, for whoever has to.
pub(super) fn way<E: External>(pass: &Pass<E::Kind>, what_for: &str) -> String {
    let key = Annotations::<E::Kind>::key("adopt");
    match consent::<E>(pass) {
        Consent::Used => format!(
            "the annotation {key}=true has had its effect once; {what_for} remove the annotation, wait until \
             status.record.adopted is gone, and annotate this object with {key}=true again"
        ),
        Consent::None | Consent::Given => {
            format!("{what_for} annotate this object with {key}=true")
        }
    }
}

/// Takes note of a consent that was withdrawn: the next one is a new one. It is written at once, so that whoever gives
/// it anew soon is not taken for one who never withdrew it.
pub(super) async fn hear_consent<E: External>(pass: &mut Pass<E::Kind>) -> Result<(), End> {
    match own_record::<E>(pass) {
        Some(mut record) if record.adopted && !stands::<E>(pass) => {
            record.adopted = false;
            E::set_record(&mut pass.status, record);
            Ok(pass.record().await?)
        }
        _ => Ok(()),
    }
}

/// Takes note that the object has the resource: the consent that stands has done what it was given for.
pub(super) fn use_consent<E: External>(pass: &mut Pass<E::Kind>) {
    if let Some(mut record) = own_record::<E>(pass).filter(|_| stands::<E>(pass)) {
        record.adopted = true;
        E::set_record(&mut pass.status, record);
    }
}

fn stands<E: External>(pass: &Pass<E::Kind>) -> bool {
    Annotations::of(&*pass.object()).adopt() == Ok(Adoption::Allowed)
}
