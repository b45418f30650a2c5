//! Every path that a configuration names: relative ones begin at its folder.

use std::path::{Path, PathBuf};

use producer_standard::Layer;
use stream::secret::Secret;

use super::Config;
use crate::findings::Findings;

impl Config {
    /// Lets relative paths begin at the folder of the file.
    pub(super) fn anchor(&mut self, folder: &Path) {
        for path in self.paths() {
            *path = folder.join(&*path);
        }
    }

    /// Gives every path that the file names.
    fn paths(&mut self) -> Vec<&mut PathBuf> {
        let mut paths = vec![&mut self.state, &mut self.workbooks];
        let mut secrets: Vec<&mut Secret> = Vec::new();
        paths.extend(&mut self.log.local);
        paths.extend(self.standard.iter_mut().filter_map(|layer| match layer {
            Layer::Folder(path) => Some(path),
            Layer::Shipped => None,
        }));
        paths.extend(&mut self.register.accounts);
        paths.extend(&mut self.register.risks);
        paths.extend(self.register.mutelist.iter_mut().map(|one| &mut one.path));
        paths.extend(self.findings.iter_mut().flat_map(Findings::paths));
        if let Some(kafka) = &mut self.log.kafka {
            secrets.extend(kafka.secrets.values_mut());
        }
        if let Some(registry) = &mut self.schema_registry {
            paths.extend(&mut registry.ca_file);
            secrets.extend(&mut registry.password);
        }
        if let Some(aws) = &mut self.aws {
            secrets.extend(&mut aws.digest_key);
        }
        if let Some(elasticsearch) = &mut self.elasticsearch {
            paths.extend(&mut elasticsearch.ca_file);
            secrets.extend(elasticsearch.password.iter_mut().chain(&mut elasticsearch.api_key));
        }
        if let Some(clickhouse) = &mut self.clickhouse {
            paths.extend(&mut clickhouse.ca_file);
            secrets.extend(&mut clickhouse.password);
        }
        if let Some(mail) = &mut self.mail {
            paths.extend(&mut mail.ca_file);
            secrets.extend(&mut mail.password);
        }
        if let Some(webhook) = self.alerts.iter_mut().find_map(|one| one.webhook.as_mut()) {
            paths.extend(&mut webhook.ca_file);
            secrets.extend(&mut webhook.token);
        }
        if let Some(page) = &mut self.page {
            paths.extend(page.tls.iter_mut().flat_map(|tls| [&mut tls.certificate, &mut tls.key]));
            secrets.extend(page.token.iter_mut().chain(page.owners.values_mut()));
        }
        if let Some(telemetry) = &mut self.telemetry {
            paths.extend(&mut telemetry.ca_file);
            secrets.extend(telemetry.headers.values_mut());
        }
        paths.extend(secrets.into_iter().filter_map(Secret::path));
        paths
    }
}
