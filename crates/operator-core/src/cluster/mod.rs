//! The cluster floor: watches, writes, events, Secrets and election against the API server.
