"""Methods that ODA is compared with, at the interface oda_policy.learner.Learner."""
