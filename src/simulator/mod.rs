//! A faithful WeChat platform, for the demo, the doctor and the tests.
