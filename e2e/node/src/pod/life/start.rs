//! The start of a container, as soon as all is there that it takes.

use std::fs;

use harness::process::Child;
use k8s_openapi::api::core::v1::{Container as Named, PodSpec};
use kube::ResourceExt;

use super::tell::Trouble;
use super::{Life, RETRY, changed};
use crate::network::PodNetwork;
use crate::pod::container::{Container, Identity};
use crate::pod::downward::Told;
use crate::pod::environment::Process;
use crate::pod::folders::Folders;
use crate::pod::probe::{Kind, Plan};
use crate::pod::report::Gone;

impl Life {
    /// Starts the container, as soon as it can be; `None` when the Pod was deleted before.
    pub(super) async fn start(
        &mut self,
        spec: &PodSpec,
        container: &Named,
        network: &mut Option<PodNetwork>,
        folders: &mut Folders,
    ) -> Result<Option<Child>, Gone> {
        loop {
            if self.is_deleted() {
                return Ok(None);
            }
            // What changes from now on was not seen by this try.
            self.changes = self.changes.resubscribe();
            match self.try_start(spec, container, network, folders).await {
                Ok(child) => return Ok(Some(child)),
                Err(trouble) => self.waits(trouble).await?,
            }
            let namespace = self.pod().namespace().unwrap_or_default();
            let clock = self.around.clock.clone();
            tokio::select! {
                () = changed(&mut self.changes, &namespace) => {}
                () = clock.sleep(RETRY) => {}
                pod = self.pods.changed() => pod.map_err(|_| Gone)?,
            }
        }
    }

    async fn try_start(
        &mut self,
        spec: &PodSpec,
        container: &Named,
        network: &mut Option<PodNetwork>,
        folders: &mut Folders,
    ) -> Result<Child, Trouble> {
        let image = container.image.as_deref().unwrap_or_default();
        let program = self.around.images.program(image).map(ToOwned::to_owned);
        let program = program.map_err(Trouble::image)?;
        let network = match network {
            Some(network) => network,
            None => {
                let plugged = self.around.network.plug().await;
                network.insert(plugged.map_err(|e| Trouble::network(format!("{e:#}")))?)
            }
        };
        self.place.address = Some(network.address());
        let (pod, now) = (self.pod(), self.around.clock.now());
        let told = Told {
            pod: &pod,
            address: network.address(),
            node: self.place.node,
        };
        let filled = folders.fill(&self.around.client, &told, now).await;
        let sources = filled.map_err(Trouble::volumes)?;
        let process = Process::of(container, &told, &sources, self.around.api_server);
        let process = process.map_err(Trouble::settings)?;
        let identity = Identity::of(spec).map_err(Trouble::settings)?;
        for kind in [Kind::Startup, Kind::Liveness, Kind::Readiness] {
            Plan::of(container, kind).map_err(Trouble::settings)?;
        }

        let root = self.folder.join("root");
        fs::create_dir_all(&root).map_err(Trouble::process)?;
        let own = container.security_context.as_ref();
        let started = Container {
            network: &network.file(),
            root: &root,
            node: &self.around.shared,
            host_name: &pod.name_any(),
            image,
            program: &program,
            process,
            mounts: folders.mounts(spec),
            read_only: own.and_then(|it| it.read_only_root_filesystem) == Some(true),
            identity: self.around.changes_users.then_some(identity),
            log: &self.folder.join("log"),
        };
        started.start().map_err(Trouble::process)
    }
}
