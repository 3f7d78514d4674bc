"""The identity service of the sandbox: smartcard sign-in, OIDC, SAML. A stub, and says so."""
