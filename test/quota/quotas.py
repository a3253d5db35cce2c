"""Quotas set and read in few words."""

import time

import kafka_wire as wire
from node import Gregor, same, wait_until

EXACT, DEFAULT, ANY = 0, 1, 2


def parts(entity):
    """{"user": "a", "client-id": None} as requests have it; None is the default."""
    return [dict(entity_type=kind, entity_name=name) for kind, name in entity.items()]


def alter_entry(entity, ops):
    """What is to be set; None removes."""
    return dict(
        entity=parts(entity),
        ops=[dict(key=key, value=value or 0, remove=value is None) for key, value in ops.items()],
    )


def alter(world, entity, version=1, validate_only=False, **ops):
    """(error, text) of one entity."""
    answer = world.call(
        "AlterClientQuotas",
        version,
        entries=[alter_entry(entity, ops)],
        validate_only=validate_only,
    )
    (entry,) = answer["entries"]
    got = {part["entity_type"]: part["entity_name"] for part in entry["entity"]}
    same(got, entity, "the entity of the answer")
    return entry["error_code"], entry["error_message"]


def set_quota(world, entity, **ops):
    same(alter(world, entity, **ops), (0, None), "AlterClientQuotas")
    if not isinstance(world.broker, Gregor):
        time.sleep(0.2)  # Kafka answers before its broker follows


def component(kind, match_type, match=None):
    return dict(entity_type=kind, match_type=match_type, match=match)


def ask(world, *components, strict=False, version=1):
    return world.call(
        "DescribeClientQuotas", version, components=list(components), strict=strict
    )


def describe(world, *components, **more):
    """{((kind, name), …): {key: value}} of what matches."""
    answer = ask(world, *components, **more)
    same((answer["error_code"], answer["error_message"]), (0, ""), "DescribeClientQuotas")
    return {
        tuple(sorted((part["entity_type"], part["entity_name"]) for part in entry["entity"])): {
            value["key"]: value["value"] for value in entry["values"]
        }
        for entry in answer["entries"]
    }


def clear(world):
    """Removes every quota there is."""
    for entity, values in describe(world).items():
        set_quota(world, dict(entity), **{key: None for key in values})
    wait_until(lambda: not describe(world), what="no quota is left")


def connect(world, client):
    return wire.Connection(world.bootstrap, client=client)
