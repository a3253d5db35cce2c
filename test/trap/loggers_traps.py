"""The levels of a broker's loggers. (KIP-412)"""

from alter_configs_traps import DELETE, LOGGER, NODE, SET, alter
from node import same

OURS = "kafka.server.BrokerServer"
FROM_LOGGER = 6


def levels(world, *names):
    """{logger: level}, each with its source"""
    resources = [
        dict(
            resource_type=LOGGER, resource_name=NODE, configuration_keys=list(names) or None
        )
    ]
    answer = world.call("DescribeConfigs", 4, resources=resources)["results"][0]
    same((answer["error_code"], {c["config_source"] for c in answer["configs"]}), (0, {FROM_LOGGER}))
    return {c["name"]: c["value"] for c in answer["configs"]}


def level(world, *names):
    found = levels(world, *names)
    return [found[name] for name in names]


def trap_loggers_inherit(world):
    """a logger has the level of root until it has its own, and again when that is deleted"""
    before = level(world, "root")[0]
    same(alter(world, LOGGER, NODE, ("root", SET, "ERROR"), (OURS, SET, "DEBUG")), (0, None))
    same(level(world, "root", OURS, "kafka.log.LogManager"), ["ERROR", "DEBUG", "ERROR"])
    same(alter(world, LOGGER, NODE, (OURS, DELETE, None)), (0, None))
    same(level(world, "root", OURS), ["ERROR", "ERROR"])
    same(alter(world, LOGGER, NODE, ("root", SET, before)), (0, None))
    same(level(world, "root", OURS), [before, before])


def trap_loggers_all(world):
    """all loggers are listed, and none comes to be by being named"""
    found = levels(world)
    same({"root", OURS, "kafka.log.LogManager", "kafka.request.logger"} <= set(found), True)
    text = "Logger no.such does not exist!"
    same(alter(world, LOGGER, NODE, ("no.such", SET, "INFO")), (40, text))
    same(set(levels(world)) - set(found), set())


def trap_loggers_whole_or_not(world):
    """one bad change of several: no level is changed"""
    before = level(world, OURS)
    changes = (OURS, SET, "FATAL"), ("root", DELETE, None)
    text = "Removing the log level of the root logger is not allowed"
    same(alter(world, LOGGER, NODE, *changes), (42, text))
    same(level(world, OURS), before)


def trap_loggers_validated(world):
    """what is only validated changes nothing"""
    before = level(world, OURS)
    change = (OURS, SET, "FATAL")
    same(alter(world, LOGGER, NODE, change, validate_only=True), (0, None))
    same(level(world, OURS), before)
