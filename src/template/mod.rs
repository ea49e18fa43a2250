//! Customer-visible texts per tenant and language. Knows templates, not when they are sent.
