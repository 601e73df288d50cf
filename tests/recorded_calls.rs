//! `proctor trace replay-calls`: any agent's calls, recorded elsewhere, played on this CRM.
