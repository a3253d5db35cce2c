"""AlterClientQuotas and DescribeClientQuotas: what they answer, and what stays of it."""

import signal

from node import same
from quotas import ANY, DEFAULT, EXACT, alter, alter_entry, ask, clear, component, describe
from quotas import set_quota
from world import restarts

DUPLICATE = "Ignoring duplicate entity ClientQuotaEntity(entries={%s})"


def quota_set_and_described(world):
    """every version sets, changes and removes; each kind of entity has its own"""
    clear(world)
    for version in (0, 1):
        user = {"user": "u%d" % version}
        same(alter(world, user, version, producer_byte_rate=1000, request_percentage=0.5),
             (0, None))
        same(
            describe(world, component("user", EXACT, "u%d" % version), version=version),
            {(("user", "u%d" % version),): {"producer_byte_rate": 1000.0,
                                            "request_percentage": 0.5}},
        )
        same(alter(world, user, version, producer_byte_rate=None, request_percentage=2), (0, None))
        same(
            describe(world, component("user", EXACT, "u%d" % version), version=version),
            {(("user", "u%d" % version),): {"request_percentage": 2.0}},
        )
        same(alter(world, user, version, request_percentage=None), (0, None))
        same(describe(world), {})
    # What is not there may be removed.
    same(alter(world, {"user": "u"}, producer_byte_rate=None), (0, None))


def quota_validate_only(world):
    """validate only checks and changes nothing"""
    clear(world)
    same(alter(world, {"user": "v"}, validate_only=True, consumer_byte_rate=5), (0, None))
    same(alter(world, {"user": "v"}, validate_only=True, consumer_byte_rate=0)[0], 42)
    same(describe(world), {})


def quota_filters(world):
    """a filter names, wants the default, or wants any; strict leaves out what names more"""
    clear(world)
    values = {"consumer_byte_rate": 7.0}
    entities = [
        {"user": "a"},
        {"user": None},
        {"client-id": "c"},
        {"client-id": None},
        {"user": "a", "client-id": "c"},
        {"user": "a", "client-id": None},
        {"user": None, "client-id": None},
        {"ip": "127.0.0.9"},
        {"ip": None},
    ]
    for entity in entities:
        set_quota(
            world, entity, **({"connection_creation_rate": 7} if "ip" in entity else values)
        )

    def found(*components, strict=False):
        return sorted(
            tuple(str(name) for _, name in entity)
            for entity in describe(world, *components, strict=strict)
        )

    same(len(found()), 9)
    same(found(strict=True), [])
    same(found(component("user", EXACT, "a")), [("None", "a"), ("a",), ("c", "a")])
    same(found(component("user", EXACT, "a"), strict=True), [("a",)])
    same(found(component("user", EXACT, "b")), [])
    same(found(component("user", DEFAULT)), [("None",), ("None", "None")])
    same(found(component("user", DEFAULT), strict=True), [("None",)])
    same(len(found(component("user", ANY))), 5)
    same(found(component("client-id", ANY), strict=True), [("None",), ("c",)])
    same(
        found(component("client-id", ANY), component("user", ANY)),
        [("None", "None"), ("None", "a"), ("c", "a")],
    )
    same(found(component("client-id", DEFAULT), component("user", EXACT, "a")), [("None", "a")])
    same(found(component("ip", ANY)), [("127.0.0.9",), ("None",)])
    same(found(component("ip", EXACT, "127.0.0.9")), [("127.0.0.9",)])
    clear(world)


def quota_wrong_filters(world):
    """filters that mean nothing: error 42 or 35, its text, no entries"""
    wrong = [
        ([component("", ANY)], 42, "Invalid empty entity type."),
        ([component("group", ANY)], 35, "Unsupported entity type group"),
        ([component("user", ANY), component("user", EXACT, "a")], 42,
         "Entity type user cannot appear more than once in the filter."),
        ([component("user", EXACT)], 42,
         "Request specified MATCH_TYPE_EXACT, but set match string to null."),
        ([component("user", DEFAULT, "a")], 42,
         "Request specified MATCH_TYPE_DEFAULT, but also specified a match string."),
        ([component("user", ANY, "a")], 42,
         "Request specified MATCH_TYPE_SPECIFIED, but also specified a match string."),
        ([component("user", 3)], 42, "Unknown match type 3"),
        ([component("ip", ANY), component("user", ANY)], 42,
         "Invalid entity filter component combination. IP filter component should not be used "
         "with user or clientId filter component."),
    ]
    for components, error, text in wrong:
        answer = ask(world, *components)
        same((answer["error_code"], answer["error_message"]), (error, text))
        same(answer["entries"], None)


def quota_wrong_entities(world):
    """entities that are none: error 42 and its text; nothing of them is set"""
    clear(world)
    rate = {"producer_byte_rate": 1}
    wrong = [
        ({}, rate, "Invalid empty client quota entity"),
        ({"group": "g"}, rate, "Unhandled client quota entity type: group"),
        ({"user": ""}, rate, "Empty user not supported"),
        ({"client-id": ""}, rate, "Empty client-id not supported"),
        ({"user": "a", "ip": "127.0.0.1"}, rate,
         "Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId"),
        ({"ip": "1.2.3.4.5.6"}, {"connection_creation_rate": 1},
         "1.2.3.4.5.6 is not a valid IP or resolvable host."),
    ]
    for entity, ops, text in wrong:
        same(alter(world, entity, **ops), (42, text))
    same(describe(world), {})


def quota_wrong_values(world):
    """keys and values that are none: error 42 and its text; the entity keeps what it has"""
    clear(world)
    user, ip = {"user": "w"}, {"ip": "127.0.0.1"}
    wrong = [
        (user, "nothing", 1, "Invalid configuration key nothing"),
        (user, "connection_creation_rate", 1,
         "Invalid configuration key connection_creation_rate"),
        (ip, "producer_byte_rate", 1, "Invalid configuration key producer_byte_rate"),
        (user, "producer_byte_rate", 0, "Quota producer_byte_rate must be greater than 0"),
        (user, "request_percentage", -1, "Quota request_percentage must be greater than 0"),
        (user, "consumer_byte_rate", 1.5, "consumer_byte_rate cannot be a fractional value."),
        (user, "producer_byte_rate", 1e19,
         "Proposed value for producer_byte_rate is too large for a LONG."),
        (ip, "connection_creation_rate", 2147483648,
         "Proposed value for connection_creation_rate is too large for an INT."),
    ]
    set_quota(world, user, producer_byte_rate=5)
    for entity, key, value, text in wrong:
        entry = dict(alter_entry(entity, {}), ops=[dict(key=key, value=value, remove=False)])
        answer = world.call("AlterClientQuotas", 1, entries=[entry])
        (got,) = answer["entries"]
        same((got["error_code"], got["error_message"]), (42, text))
    # One wrong value and none of the entity's is set.
    same(alter(world, user, producer_byte_rate=6, controller_mutation_rate=-1)[0], 42)
    same(describe(world), {(("user", "w"),): {"producer_byte_rate": 5.0}})
    set_quota(world, user, request_percentage=0.001, controller_mutation_rate=0.25)
    clear(world)


def quota_same_entity_twice(world):
    """an entity named twice: the first is done, what is answered is said of the second"""
    clear(world)
    entity = {"user": "t", "client-id": None}
    swapped = {"client-id": None, "user": "t"}
    entries = [
        alter_entry(entity, {"producer_byte_rate": 10}),
        alter_entry(swapped, {"producer_byte_rate": 20}),
        alter_entry({"user": "other"}, {"producer_byte_rate": 30}),
    ]
    answers = world.call("AlterClientQuotas", 1, entries=entries)["entries"]
    got = {
        tuple(sorted(p["entity_type"] for p in entry["entity"])): (
            entry["error_code"], entry["error_message"])
        for entry in answers
    }
    text = DUPLICATE % "client-id=null, user=t"
    same(got, {("client-id", "user"): (42, text), ("user",): (0, None)})
    same(
        describe(world),
        {
            (("client-id", None), ("user", "t")): {"producer_byte_rate": 10.0},
            (("user", "other"),): {"producer_byte_rate": 30.0},
        },
    )
    clear(world)


def quota_same_key_twice(world):
    """a key named twice in one entity: nothing of the entity is done"""
    clear(world)
    op = dict(key="producer_byte_rate", value=1, remove=False)
    entry = dict(alter_entry({"user": "k"}, {}), ops=[op, op])
    (answer,) = world.call("AlterClientQuotas", 1, entries=[entry])["entries"]
    same((answer["error_code"], answer["error_message"]), (42, DUPLICATE % "user=k"))
    same(describe(world), {})


def quota_scram_credentials(world):
    """kafka-configs asks for users' passwords as well: who has none, who is named twice, all"""
    answer = world.call("DescribeUserScramCredentials", 0, users=None)
    same((answer["error_code"], answer["results"]), (0, []))
    names = ["nobody", "twice", "twice"]
    answer = world.call(
        "DescribeUserScramCredentials", 0, users=[dict(name=name) for name in names]
    )
    same((answer["error_code"], answer["error_message"]), (0, ""))
    same(
        {r["user"]: (r["error_code"], r["error_message"]) for r in answer["results"]},
        {
            "nobody": (
                91, "Attempt to describe a user credential that does not exist: nobody"),
            "twice": (
                92,
                "Cannot describe SCRAM credentials for the same user twice in a single request: "
                "twice",
            ),
        },
    )


@restarts
def quota_survives_a_kill(world):
    """kill -9, and every quota that was answered is there again"""
    clear(world)
    set_quota(world, {"user": "s", "client-id": "c"}, producer_byte_rate=1, consumer_byte_rate=2)
    set_quota(world, {"ip": "127.0.0.9"}, connection_creation_rate=3)
    before = describe(world)
    world.broker.end(signal.SIGKILL)
    world.broker.start()
    same(describe(world), before)
    same(len(before), 2)
    clear(world)
