import pytest

from http_harness import Server, make_certificate


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    return make_certificate(str(tmp_path_factory.mktemp("certificate")), "one")


@pytest.fixture
def serve(tmp_path, certificate):
    """serve(**options) starts a server; all are stopped and checked at the end."""
    servers = []

    def start(tls=False, **options):
        more = {"cert": certificate[0], "key": certificate[1]} if tls else {}
        servers.append(Server(str(tmp_path), **more, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def server(serve):
    return serve(tls=True)
