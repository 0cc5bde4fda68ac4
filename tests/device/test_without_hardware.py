"""What makes no sense without hardware starts, says so, stays silent, and is counted apart."""

import depthai as dai
import pytest

from oakwright.device import Plan, Row, VirtualOak, as_markdown, bench_scripts

SPI = """
import depthai as dai
pipeline = dai.Pipeline()
camera, out = pipeline.create(dai.node.ColorCamera), pipeline.create(dai.node.SPIOut)
out.setStreamName("to the microcontroller")
out.setBusId(0)
camera.setPreviewSize(64, 64)
camera.preview.link(out.input)
entry, link = pipeline.create(dai.node.SPIIn), pipeline.create(dai.node.XLinkOut)
entry.setStreamName("from it")
entry.setBusId(0)
link.setStreamName("spi")
entry.out.link(link.input)
seen = pipeline.create(dai.node.XLinkOut)
seen.setStreamName("rgb")
camera.preview.link(seen.input)
with dai.Device(pipeline) as device:
    while True:
        device.getOutputQueue("rgb").get()
        assert device.getOutputQueue("spi").tryGet() is None
"""


def test_the_bus_is_silent_and_the_rest_goes_on(tmp_path):
    (tmp_path / "spi.py").write_text(SPI)
    (row,) = bench_scripts(tmp_path, Plan(seconds=1.5, limit_s=300))
    assert row.result == "clean", row
    assert row.reason == "silent for want of hardware: SPIOut(1), SPIIn(2)"
    assert row.frames > 20
    page = as_markdown([row, Row("other.py", (), "clean", 3, 1.0)], Plan())
    assert "2 of 2 scripts clean" in page
    assert "In 1 of the clean ones nodes are silent, for want of hardware." in page


def script(text, **options):
    pipeline = dai.Pipeline()
    node, link = pipeline.create(dai.node.Script), pipeline.create(dai.node.XLinkOut)
    node.setScript(text)
    link.setStreamName("out")
    node.outputs["out"].link(link.input)
    with VirtualOak(deterministic=True, **options) as oak, dai.Device(pipeline) as device:
        message = device.getOutputQueue("out").tryGet()
        for _ in range(20):
            message = message or device.getOutputQueue("out").tryGet()
    return message, oak.report()["devices"][0]["log"]


def test_pins_can_be_written_and_read_and_lead_nowhere():
    message, log = script(
        """
        import GPIO
        GPIO.setup(40, GPIO.OUT, GPIO.PULL_DOWN)
        GPIO.setup(41, GPIO.IN, GPIO.PULL_UP)
        GPIO.setInterrupt(41, GPIO.RISING, 3)
        seen = [GPIO.read(40), GPIO.read(41), int(GPIO.hasInterruptEvent(41))]
        GPIO.write(40, True)
        GPIO.setPwm(42, 100, 100)
        GPIO.enablePwm(42, 1)
        made = Buffer(4)
        made.setData(seen + [GPIO.read(40)])
        node.io['out'].send(made)
        GPIO.waitInterruptEvent(41)
        node.io['out'].send(made)
        """
    )
    assert message.getData().tolist() == [0, 1, 0, 1]
    assert log == ["[Script(0)] GPIO: pins lead nowhere here"]


def test_a_pin_that_is_none_is_named():
    _, log = script("import GPIO\nGPIO.write(64, 1)")
    assert "GPIO 64: pins are 0 to 63" in log[-1]


def system_information(seconds, nodes=0):
    pipeline = dai.Pipeline()
    logger, link = pipeline.create(dai.node.SystemLogger), pipeline.create(dai.node.XLinkOut)
    logger.setRate(0.1)
    link.setStreamName("out")
    logger.out.link(link.input)
    for _ in range(nodes):
        pipeline.create(dai.node.ImageManip)
    with VirtualOak(deterministic=True), dai.Device(pipeline) as device:
        queue = device.getOutputQueue("out")
        return [queue.get() for _ in range(seconds // 10)]


def test_vitals_are_plausible_move_and_repeat():
    rows = system_information(900)
    celsius = [row.chipTemperature.average for row in rows]
    # It warms up, from room temperature's 36 to about 48 °C, which it then stays near.
    assert 35 < celsius[0] < 40
    assert 46 < min(celsius[60:]) <= max(celsius[60:]) < 50
    assert len(set(celsius)) == len(celsius)
    for row in rows:
        chip = row.chipTemperature
        parts = chip.css, chip.mss, chip.upa, chip.dss
        assert sum(parts) / 4 == pytest.approx(chip.average, abs=0.01)
        for memory in (
            row.ddrMemoryUsage,
            row.cmxMemoryUsage,
            row.leonCssMemoryUsage,
            row.leonMssMemoryUsage,
        ):
            assert 0 < memory.used < memory.total
            assert memory.used + memory.remaining == memory.total
        assert 0 < row.leonMssCpuUsage.average < row.leonCssCpuUsage.average < 1
    assert len({row.leonCssCpuUsage.average for row in rows}) == len(rows)
    again = [row.chipTemperature.average for row in system_information(100)]
    assert again == celsius[:10]


def test_more_nodes_are_more_load_and_memory():
    few, many = (system_information(50, nodes)[-1] for nodes in (0, 10))
    assert many.leonCssCpuUsage.average > 1.5 * few.leonCssCpuUsage.average
    assert many.ddrMemoryUsage.used > few.ddrMemoryUsage.used + (50 << 20)
