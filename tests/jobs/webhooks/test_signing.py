"""Held to the example of the specification, and to the length that it wants of secrets."""

import base64

from jobs.webhooks.signing import new_secret, signed_headers

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'


def test_the_example_of_the_specification():
    headers = signed_headers("msg_p5jXN8AQM9LWM0D4loKWxJek", BODY, [SECRET], now=1614265330)
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_two_secrets_two_signatures():
    one, other = new_secret(), new_secret()
    both = signed_headers("msg_1", BODY, [one, other], now=1614265330)["webhook-signature"]
    alone = [signed_headers("msg_1", BODY, [key], now=1614265330)["webhook-signature"] for key in (one, other)]
    assert both == " ".join(alone)


def test_secrets_are_long_and_new():
    assert 24 <= len(base64.b64decode(new_secret().removeprefix("whsec_"), validate=True)) <= 64
    assert new_secret() != new_secret()
