"""Where webhooks are never sent to, however it is written and whatever a name server says."""

import pytest

from jobs.articles.exceptions import AddressRefused
from jobs.webhooks.exceptions import UnsafeUrl
from jobs.webhooks.places import addresses_of, target_of
from jobs.webhooks.sending import send


@pytest.mark.parametrize(
    "url",
    [
        *("http://example.org/", "ftp://example.org/", "example.org", "", "https://", "https:///hooks", "javascript:1"),
        *("https://user:pass@example.org/", "https://example.org:8443/", "https://example.org:22/"),
        *(
            "https://exa mple.org/",
            "https://example.org/\n",
            "https://example.org\\@127.0.0.1/",
            "https://[::1",
            "https://%31/",
        ),
        *(
            "https://localhost/",
            "https://LOCALHOST./",
            "https://a.localhost/",
            "https://db.internal/",
            "https://nas.local/",
        ),
        *("https://127.0.0.1/", "https://127.1/", "https://2130706433/", "https://0x7f000001/", "https://0177.0.0.1/"),
        *(
            "https://10.0.0.7/",
            "https://172.16.1.1/",
            "https://192.168.0.1/",
            "https://100.64.0.1/",
            "https://0.0.0.0/",
        ),
        *("https://169.254.169.254/latest/meta-data", "https://100.100.100.200/", "https://168.63.129.16/"),
        *("https://224.0.0.1/", "https://255.255.255.255/", "https://192.0.2.1/", "https://198.18.0.1/"),
        *("https://[::1]/", "https://[::]/", "https://[fe80::1]/", "https://[fc00::1]/", "https://[ff02::1]/"),
        *("https://[::ffff:127.0.0.1]/", "https://[::ffff:169.254.169.254]/", "https://[64:ff9b::a00:1]/"),
        *("https://[2002:7f00:1::]/", "https://[fd00:ec2::254]/", "https://" + "a" * 3000 + ".org/"),
    ],
)
def test_refused_before_anything_is_looked_up(url):
    with pytest.raises(UnsafeUrl):
        target_of(url)


def test_what_is_taken():
    assert target_of("https://hooks.example.org/a?b=c").host == "hooks.example.org"
    assert target_of("https://8.8.8.8/").host == "8.8.8.8"
    assert target_of("https://[2606:4700::1111]/").host == "2606:4700::1111"
    assert target_of("https://example.org:443/").url == "https://example.org/"


@pytest.mark.parametrize(
    "answer",
    [["10.0.0.1"], ["127.0.0.1"], ["169.254.169.254"], ["::1"], ["fe80::1%eth0"], ["93.184.216.34", "10.0.0.1"]],
)
def test_a_name_that_leads_inwards(answer):
    """Even if one address alone is ours: another look may give it first."""
    with pytest.raises(AddressRefused):
        addresses_of(target_of("https://rebind.example.org/"), 1.0, lambda host, port, seconds: answer)


def test_sending_connects_to_what_was_looked_at(receiver):
    """A name that leads inwards at the time of sending is not sent to, and nothing says where it led."""
    answer = send("https://rebind.example.org/", {}, b"{}", resolve=lambda *asked: ["127.0.0.1"])
    assert (answer.status, receiver.received) == (None, [])
    assert answer.error == "The host rebind.example.org does not have a public address."


def test_named_hosts_are_reached_by_http_at_any_port(receiver, settings):
    settings.WEBHOOK_PRIVATE_HOSTS = ["Hooks.Internal"]
    url = f"http://hooks.internal:{receiver.server_port}/x"
    answer = send(url, {"webhook-id": "msg_1"}, b"{}", resolve=lambda *asked: ["127.0.0.1"])
    assert answer.accepted
    assert receiver.received[0].headers["host"] == f"hooks.internal:{receiver.server_port}"


def test_not_even_named_hosts_lead_to_the_keys_of_the_machine(settings):
    settings.WEBHOOK_PRIVATE_HOSTS = ["hooks.internal"]
    for address in ("169.254.169.254", "fe80::1", "::ffff:169.254.169.254"):
        with pytest.raises(AddressRefused):
            addresses_of(target_of("http://hooks.internal/"), 1.0, lambda *asked, found=address: [found])
