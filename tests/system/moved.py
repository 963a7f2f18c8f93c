"""A zone that is transferred to and fro: its text, how it is changed at random, how it is had and compared."""
import contextlib
import tempfile

import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.tsigkeyring
import dns.update
import dns.zone

import harness

NAME = "moved.test"
SECRET = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"
OTHER = "b3RoZXJvdGhlcm90aGVyb3RoZXJvdGhlcg=="
KEYRING = dns.tsigkeyring.from_text({"xfr-key.": ("hmac-sha512", SECRET)})
KEYS = [{"name": "xfr-key", "algorithm": "hmac-sha512", "secret": SECRET},
        {"name": "other-key", "secret": OTHER}]

ZONE = """
$ORIGIN moved.test.
$TTL 300
@        SOA ns hostmaster 1 3600 600 86400 300
@        NS  ns
@        MX  10 mail
ns       A   127.0.0.1
mail     A   192.0.2.1
*.wild   TXT "any"
a.b.c    A   192.0.2.2
alias    CNAME mail
dn       DNAME mail
sub      NS  ns.sub
ns.sub   A   192.0.2.3
big      TXT %s
MiXed    A   192.0.2.4
""" % " ".join('"%s%03d"' % ("x" * 240, i) for i in range(40))  # more breaks NSD's own transfers

SIGNED = {"keyring": KEYRING, "keyname": "xfr-key.", "keyalgorithm": dns.tsig.HMAC_SHA512}


def text(hosts):
    """The zone with so many hosts."""
    return ZONE + "".join("h%d A 10.0.%d.%d\n" % (i, i >> 8, i & 255) for i in range(hosts))


def transferred(server, zone=NAME, **how):
    """The zone as AXFR gives it: a dns.zone.Zone."""
    return dns.zone.from_xfr(dns.query.xfr(server.address, zone, port=server.port, relativize=False,
                                           lifetime=harness.DEADLINE, **how), relativize=False)


def records(zone):
    """All records of a zone as a set of texts."""
    return {"%s %d %s %s" % (name, rdataset.ttl, dns.rdatatype.to_text(rdataset.rdtype), rdata.to_text())
            for name, rdataset in zone.iterate_rdatasets() for rdata in rdataset}


def verify(server, zone=NAME):
    """ldns-verify-zone accepts what is transferred, or it is an error."""
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(harness.dig(server, zone, "AXFR", "+onesoa"))
        file.flush()
        harness.run("ldns-verify-zone", file.name)


def serial_of(server, zone=NAME):
    with contextlib.suppress(TimeoutError, IndexError):
        return server.query(zone, "SOA", deadline=2).answer[0][0].serial
    return None


def update(server, message):
    response = server.ask(message, tcp=True)
    if response.rcode() != dns.rcode.NOERROR:
        raise AssertionError("an update was answered by %s" % dns.rcode.to_text(response.rcode()))


def change(server, random_, names=40):
    """One update of one to three random operations: names that come and go, wildcards among them, and names
    between others that are nothing by themselves."""
    message = dns.update.Update(NAME)
    for _ in range(random_.randrange(1, 4)):
        name = random_.choice(("r%d", "r%d.deep", "*.r%d", "wild.r%d")) % random_.randrange(names)
        how = random_.randrange(6)
        if how < 3:
            message.add(name, 300, "A", "192.0.2.%d" % random_.randrange(5))
        elif how < 4:
            message.replace(name, random_.choice((60, 300)), "TXT", '"%d"' % random_.randrange(99))
        elif how < 5:
            message.delete(name, "A")
        else:
            message.delete(name)
    update(server, message)


def change_much(server, random_, octets=40000):
    """One update that adds so many octets, which no small history keeps."""
    message = dns.update.Update(NAME)
    for i in range(octets // 4000):
        message.replace("much%d" % i, 300, "TXT", " ".join(
            '"%s%08x"' % ("x" * 240, random_.getrandbits(32)) for _ in range(16)))
    update(server, message)
