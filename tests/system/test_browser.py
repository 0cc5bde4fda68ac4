"""The page in a real browser: Debian's Chromium, driven by Playwright, looked over by axe."""

import hashlib
import os
import shutil
import signal

import numpy as np
import pytest

from .page_models import detector, doubled, edges, refused, two_inputs

pytestmark = pytest.mark.system

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
PATIENCE_MS = 120_000
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    from tests.unit.server.conftest import Served

    with pytest.MonkeyPatch.context() as patch:
        from oakwright.compiler import engine_path

        if engine_path():
            patch.setenv("OAKWRIGHT_ENGINE", str(engine_path()))
        patch.setenv("OAKWRIGHT_HOME", str(tmp_path_factory.mktemp("home")))
        served = Served(tmp_path_factory.mktemp("served"), ("--upload-mb", "4")).start()
        yield served
        served.stop()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Chromium with a profile of its own."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium on PATH (Debian: apt-get install chromium)")
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


@pytest.fixture
def open_page(browser, server):
    """Opens pages; at the end none has asked another host or failed in its scripts or rules."""
    contexts, said = [], []

    def opened(path="/", server=server, **more):
        context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}, **more})
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: said.append(f"error: {error}"))
        page.on("console", lambda message: said.append(message.text) if bad(message) else None)
        known = (server.url, "data:", f"blob:{server.url}")
        page.on(
            "request",
            lambda asked: None if asked.url.startswith(known) else said.append(asked.url),
        )
        page.goto(server.url + path)
        return page

    def bad(message):
        # Chromium notes every refused request; what the page makes of one is tested for itself.
        refused_request = message.text.startswith("Failed to load resource")
        return message.type in ("error", "warning") and not refused_request

    yield opened
    for context in contexts:
        context.close()
    assert said == []


@pytest.fixture
def page(open_page):
    return open_page()


@pytest.fixture
def files(tmp_path):
    """Writes models; gives their paths."""

    def write(**contents):
        paths = []
        for name, content in contents.items():
            paths.append(tmp_path / f"{name}.onnx")
            paths[-1].write_bytes(content)
        return paths

    return write


def expect(locator):
    from playwright.sync_api import expect

    expect.set_options(timeout=PATIENCE_MS)
    return expect(locator)


def choose(page, *paths):
    page.set_input_files("#files", [str(path) for path in paths])
    expect(page.locator("#form")).to_be_visible()
    expect(page.locator("#check-state")).to_contain_text("on the chip")


def converted(page):
    page.click("#convert")
    expect(page.locator("#pill")).to_have_text("done")
    expect(page.locator("#result")).to_be_visible()


def violations(page):
    """What axe finds, as rule and place."""
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python"
    )
    found = axe.Axe().run(page).response["violations"]
    return [(rule["id"], node["target"]) for rule in found for node in rule["nodes"]]


def test_from_a_file_to_a_blob_and_back_to_a_picture(page, files, server, tmp_path):
    import cv2

    [path] = files(doubled=doubled([1, 3, 24, 32]))
    choose(page, path)
    expect(page.locator("#facts")).to_contain_text("1 × 3 × 24 × 32")
    page.click("#graph-box summary")
    expect(page.locator(".graph-view g.box")).to_have_count(3)
    page.click("text=Next layer")
    page.click("text=Next layer")
    expect(page.locator("#graph [role=status]")).to_contain_text("Multiply-1")

    pixels = np.random.default_rng(5).integers(0, 256, (24, 32, 3), np.uint8)  # BGR
    cv2.imwrite(str(tmp_path / "own.png"), pixels)
    page.select_option("#range", "0..1")
    page.select_option("#trained", "RGB")
    page.set_input_files("#sample-file", str(tmp_path / "own.png"))
    rows = page.locator("#sample tbody tr")
    expect(rows.first).to_contain_text("red")
    # Red first, as the model was trained; numbers as numpy has them of OpenCV's picture.
    for at, name in enumerate(("red", "green", "blue")):
        plane = pixels[:, :, 2 - at] / 255
        wanted = [float(plane.min()), float(plane.mean()), float(plane.max())]
        expect(rows.nth(at)).to_contain_text(name)
        shown = [float(t) for t in rows.nth(at).locator("td").all_inner_texts()[1:]]
        assert shown == pytest.approx(wanted, abs=2e-4)

    converted(page)
    expect(page.locator("#steps li")).to_have_count(4)
    expect(page.locator("#applied")).to_contain_text("BGR frames, RGB model")
    job = page.url.rpartition("#job=")[2]
    blob = server.get(f"/api/v1/jobs/{job}/result").content
    with page.expect_download() as download:
        page.click("#links a.main")
    assert download.value.suggested_filename == "doubled.blob"
    saved = tmp_path / "saved.blob"
    download.value.save_as(saved)
    assert hashlib.sha256(saved.read_bytes()).digest() == hashlib.sha256(blob).digest()
    expect(page.locator("#code")).to_contain_text("camera.setPreviewSize(32, 24)")
    expect(page.locator("#summary")).to_contain_text(hashlib.sha256(blob).hexdigest()[:16])
    page.click("#stages-box summary")
    expect(page.locator("#stages tbody tr").first).to_be_visible()
    page.click("#memory-box summary")
    expect(page.locator("#memory svg.chart rect").first).to_be_attached()

    page.set_input_files("#trial-file", str(tmp_path / "own.png"))
    with page.expect_response(lambda answer: answer.url.endswith("/run")) as answer:
        page.click("#run")
    expect(page.locator("#answers h3")).to_have_text("doubled, 1 × 3 × 24 × 32")
    import base64

    [out] = answer.value.json()["outputs"]
    values = np.frombuffer(base64.b64decode(out["values"]), "<f4").reshape(3, 24, 32)
    wanted = pixels[:, :, ::-1].transpose(2, 0, 1) / 255 * 2
    np.testing.assert_allclose(values, wanted, atol=4e-3)
    expect(page.locator("#answers canvas")).to_have_count(4)
    assert violations(page) == []


def test_a_refused_model_says_why_and_is_tried_again(page, files):
    [path] = files(refused=refused())
    choose(page, path)
    expect(page.locator("#check-state")).to_have_text("One layer has no place on the chip.")
    finding = page.locator("#findings .problem")
    expect(finding).to_contain_text("Layer places")
    expect(finding).to_contain_text("Try: ")
    page.click("#graph-box summary")
    expect(page.locator(".graph-view g.refused")).to_have_count(1)
    page.select_option("#range", "-1..1")
    page.click("#convert")
    expect(page.locator("#pill")).to_have_text("failed")
    expect(page.locator("#error")).to_contain_text("Layer places")
    expect(page.locator("#error")).to_contain_text("depends on the data")
    expect(page.locator("#jobs li").first).to_contain_text("failed")
    assert violations(page) == []
    page.reload()  # the job is in the address; the model is gone from the page
    expect(page.locator("#error")).to_contain_text("Layer places")
    page.click("#retry")
    expect(page.locator("#range")).to_have_value("-1..1")
    page.fill("#outputs", "scaled")
    expect(page.locator("#check-state")).to_contain_text("Every layer has a place")
    converted(page)
    expect(page.locator("#error")).to_be_empty()
    expect(page.locator("#applied")).to_contain_text("gives scaled")


def test_values_must_be_chosen_and_open_shapes_given(page, files):
    [path] = files(open=doubled([1, 3, None, None]))
    page.set_input_files("#files", str(path))
    expect(page.locator("#check-error")).to_contain_text("fixed shapes")
    page.click("#convert")
    assert page.evaluate("document.activeElement.id") == "range"  # there is no silent default
    assert page.locator("#job").is_hidden()
    page.select_option("#range", "0..255")
    page.fill("#shape", "1,3,16,16")
    expect(page.locator("#check-state")).to_contain_text("Every layer has a place")
    page.click("#cost")
    expect(page.locator("#costs .bars li").first).to_be_visible()
    converted(page)


def test_several_models_go_at_once_and_keep_their_options(page, files):
    first, second = files(first=edges(24, 32), second=doubled([1, 3, 8, 8]))
    choose(page, first, second)
    expect(page.locator("#models button")).to_have_count(2)
    page.select_option("#range", "0..1")
    page.click("#models button:has-text('first')")
    expect(page.locator("#facts")).to_contain_text("first.onnx")
    expect(page.locator("#range")).to_have_value("")
    page.select_option("#range", "0..255")
    page.click("#models button:has-text('second')")
    expect(page.locator("#facts")).to_contain_text("second.onnx")
    expect(page.locator("#range")).to_have_value("0..1")
    page.click("#convert-all")
    for name in ("first", "second"):
        page.click(f"#batch button:has-text('{name}')")
        expect(page.locator("#job-name")).to_have_text(name)
        expect(page.locator("#pill")).to_have_text("done")
        expect(page.locator("#applied")).to_contain_text("/ 255")
    texts = page.locator("#jobs .name").all_inner_texts()
    assert {"first", "second"} <= set(texts[:2])


def test_options_are_for_the_picture_where_there_are_other_inputs(page, files):
    choose(page, *files(two=two_inputs()))
    expect(page.locator("#which")).to_contain_text("for the input image")
    page.select_option("#range", "0..1")
    converted(page)
    applied = page.locator("#applied li")
    expect(applied.filter(has_text="image:")).to_contain_text("(x - 0) / 255")
    expect(applied.filter(has_text="offsets:")).to_contain_text("FP16 1x3x1x1")
    expect(applied.filter(has_text="offsets:")).not_to_contain_text("255")
    page.click("#run")
    expect(page.locator("#trial-state")).to_contain_text("one input was zeros")
    expect(page.locator("#answers h3")).to_contain_text("moved")
    page.click("#retry")
    expect(page.locator("#range")).to_have_value("0..1")


def test_detections_are_drawn_as_boxes(page, tmp_path):
    xml, weights = detector([(0.25, 0.25, 0.75, 0.5), (0.1, 0.6, 0.3, 0.9)])
    (tmp_path / "ssd.xml").write_bytes(xml)
    (tmp_path / "ssd.bin").write_bytes(weights)
    choose(page, tmp_path / "ssd.bin", tmp_path / "ssd.xml")
    expect(page.locator("#facts")).to_contain_text("ssd.xml, ssd.bin")
    page.select_option("#range", "0..255")
    converted(page)
    expect(page.locator("#code")).to_contain_text("MobileNetDetectionNetwork")
    page.click("#run")
    rows = page.locator("#answers li")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_have_text("class 1, 90 %: 0.25, 0.25, 0.75, 0.50")
    expect(rows.nth(1)).to_have_text("class 1, 90 %: 0.10, 0.60, 0.30, 0.90")
    # The frame of the first box, in the middle of its upper edge, has the colour of frames.
    colour = page.evaluate(
        """() => {
            const canvas = document.querySelector("#trial canvas");
            const at = [canvas.width / 2, Math.round(canvas.height / 4)];
            return [...canvas.getContext("2d").getImageData(...at, 1, 1).data.slice(0, 3)];
        }"""
    )
    assert colour == [0xE8, 0x54, 0x2F]


def test_blobs_for_several_shaves_with_a_version(page, files, server):
    choose(page, *files(many=doubled([1, 3, 8, 8])))
    page.select_option("#range", "0..1")
    page.fill("#more-shaves", "2, 4..5")
    page.select_option("#stamp", "2021.4")
    converted(page)
    expect(page.locator("#links a")).to_have_text(
        [
            *(f"many_{n}shave.blob" for n in (2, 4, 5, 6)),
            "IR and blob (zip)",
            "What was done (JSON)",
        ]
    )
    expect(page.locator("#summary")).to_contain_text("2021.4")
    expect(page.locator("#code")).to_contain_text("many_2shave.blob")
    page.select_option("#blob-shaves", "5")
    expect(page.locator("#code")).to_contain_text("many_5shave.blob")
    with page.expect_download() as download:
        page.click("#links a:has-text('many_5shave.blob')")
    assert download.value.suggested_filename == "many_5shave.blob"
    with page.expect_request(lambda asked: asked.url.endswith("/run")) as asked:
        page.click("#run")
    assert asked.value.post_data_json["shaves"] == 5
    expect(page.locator("#answers h3")).to_be_visible()
    assert violations(page) == []
    page.click("#retry")
    expect(page.locator("#shaves")).to_have_value("6")
    expect(page.locator("#more-shaves")).to_have_value("2, 4..5")
    expect(page.locator("#stamp")).to_have_value("2021.4")


def test_a_server_that_is_started_anew_is_waited_for(open_page, files, tmp_path):
    """The page says so, asks again, and shows the job's end."""
    from tests.unit.server.conftest import Served, conversion_of, process_of

    own = Served(tmp_path / "data", ("--log", "off")).start()
    try:
        address = own.url
        port = address.rpartition(":")[2]
        page = open_page(server=own)
        choose(page, *files(patient=doubled([1, 3, 8, 8])))
        page.select_option("#range", "0..1")
        child = conversion_of(process_of(own.process.pid, "worker", 240), 240)
        os.kill(child, signal.SIGSTOP)
        page.click("#convert")
        expect(page.locator("#pill")).to_have_text("running")
        own.process.kill()
        own.process.wait()
        own.process.stdout.close()
        expect(page.locator("#state")).to_contain_text("does not answer")
        own.arguments += ("--port", port)
        own.start()
        assert own.url == address
        expect(page.locator("#pill")).to_have_text("done")
        expect(page.locator("#result")).to_be_visible()
    finally:
        own.stop()


def test_names_of_strangers_are_text(page, files):
    evil = '<img src=x onerror="document.title=1">' + 120 * "x"
    [path] = files(evil=doubled([1, 3, 8, 8], name=evil))
    choose(page, path)
    page.click("#graph-box summary")
    expect(page.locator(".graph-view g.box")).to_have_count(3)
    page.click("text=Next layer")
    page.click("text=Next layer")
    expect(page.locator("#graph [role=status]")).to_contain_text(evil)
    assert page.locator("main img").count() == 0
    page.set_viewport_size(PHONE)
    page.select_option("#range", "0..255")
    converted(page)
    page.click("#run")
    expect(page.locator("#answers h3")).to_contain_text(evil)
    assert page.locator("main img").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert page.title().startswith("oakwright")


def test_what_is_no_model_or_too_large_is_said(page, tmp_path):
    (tmp_path / "weights.bin").write_bytes(b"1")
    page.set_input_files("#files", str(tmp_path / "weights.bin"))
    expect(page.locator("#model-error")).to_contain_text("no model among weights.bin")
    (tmp_path / "junk.onnx").write_bytes(b"\x08\x07nonsense")
    page.set_input_files("#files", str(tmp_path / "junk.onnx"))
    expect(page.locator("#model-error")).to_contain_text("junk")
    assert page.locator("#form").is_hidden()
    (tmp_path / "large.onnx").write_bytes(b"0" * (5 << 20))
    page.set_input_files("#files", str(tmp_path / "large.onnx"))
    expect(page.locator("#model-error")).to_contain_text("large")
    assert violations(page) == []


def test_a_server_that_is_gone_is_said(page, files):
    page.route("**/api/v1/models", lambda route: route.abort())
    page.set_input_files("#files", [str(path) for path in files(any=doubled([1, 3, 8, 8]))])
    expect(page.locator("#model-error")).to_contain_text("broke off")
    page.route("**/api/v1/jobs?*", lambda route: route.abort())
    page.select_option("#filter", "failed")
    expect(page.locator("#model-error")).to_contain_text("does not answer")


def test_by_keyboard_alone(page, files):
    choose(page, *files(keys=doubled([1, 3, 8, 8])))

    def tab_to(name):
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.id") == name:
                outline = "getComputedStyle(document.activeElement).outlineStyle"
                assert page.evaluate(outline) != "none", name
                return
        raise AssertionError(f"{name} is not reached")

    page.focus("#files")
    tab_to("range")
    page.keyboard.type("0..1")
    expect(page.locator("#range")).to_have_value("0..1")
    tab_to("shaves")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#count")).to_have_text("5")
    tab_to("convert")
    page.keyboard.press("Enter")
    expect(page.locator("#pill")).to_have_text("done")
    assert page.evaluate("document.activeElement.id") == "h-job"  # told, and close to the result
    expect(page.locator("#links")).to_contain_text("5 shaves")
    tab_to("run")
    page.keyboard.press("Enter")
    expect(page.locator("#answers h3")).to_be_visible()


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_on_a_phone(open_page, files, colours):
    page = open_page(viewport=PHONE, color_scheme=colours, has_touch=True)
    choose(page, *files(phone=edges()))
    page.select_option("#range", "0..1")
    page.click("#graph-box summary")
    expect(page.locator(".graph-view svg")).to_be_visible()
    converted(page)
    for box in ("#stages-box", "#memory-box"):
        page.click(f"{box} summary")
    page.click("#run")
    expect(page.locator("#answers canvas")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    small = page.eval_on_selector_all(
        "button, select, input:not(.away), .actions a",
        "all => all.filter(e => e.offsetParent && e.offsetHeight < 36).map(e => e.outerHTML)",
    )
    assert small == []
    assert violations(page) == []


def test_a_large_graph_comes_in_parts(page, tmp_path):
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("Sigmoid" if at % 2 else "Tanh", [f"t{at}"], [f"t{at + 1}"], name=f"n{at}")
        for at in range(600)
    ]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 8]) for n in ("t0", "t600")]
    graph = helper.make_graph(nodes, "long", ends[:1], ends[1:])
    opset = [helper.make_opsetid("", 13)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    (tmp_path / "long.onnx").write_bytes(model.SerializeToString())
    page.set_input_files("#files", str(tmp_path / "long.onnx"))
    expect(page.locator("#facts")).to_contain_text("300 Sigmoid")
    page.click("#graph-box summary")
    expect(page.locator("#graph")).to_contain_text("layers 1 to 201 of 602")
    page.click("text=Layers after")
    expect(page.locator("#graph")).to_contain_text("layers 202 to 402 of 602")
    page.fill("#graph-search", "n300")
    expect(page.locator("#graph-list option")).to_have_count(2)
    page.select_option("#graph-list", index=1)
    expect(page.locator("#graph [role=status]")).to_contain_text("n300")
    assert page.locator(".graph-view g.box").count() <= 250


def test_the_api_has_a_page(open_page, server):
    page = open_page("/docs")
    described = server.get("/api/v1/openapi.json").json()
    expect(page.locator("#schemas summary").first).to_be_visible()
    for path in described["paths"]:
        assert page.locator(f"#endpoints code:text-is('{path}')").count() >= 1, path
    for summary in page.locator("details.endpoint > summary").all()[:6]:
        summary.click()
    assert "undefined" not in page.locator("main").inner_text()
    assert violations(page) == []


def test_colours_are_remembered(open_page):
    page = open_page(color_scheme="light")
    assert violations(page) == []
    page.click("#theme")
    assert page.get_attribute("html", "data-theme") == "dark"
    page.reload()
    expect(page.locator("#theme")).to_have_text("Light")
    assert page.get_attribute("html", "data-theme") == "dark"
    assert violations(page) == []


def test_files_are_put_together_into_models(page):
    """The page's own grouping, asked in the browser."""
    cases = {
        ("a.xml", "a.bin", "b.xml", "b.bin"): [["a.xml", "a.bin"], ["b.xml", "b.bin"]],
        ("net.xml", "weights.bin"): [["net.xml", "weights.bin"]],
        ("m.pdmodel", "m.pdiparams"): [["m.pdmodel", "m.pdiparams"]],
        ("d.prototxt", "w.caffemodel"): [["d.prototxt", "w.caffemodel"]],
        ("big.onnx", "big.onnx.data"): [["big.onnx", "big.onnx.data"]],
        ("x.onnx", "y.tflite"): [["x.onnx"], ["y.tflite"]],
        ("only.bin",): [],
    }
    for names, wanted in cases.items():
        found = page.evaluate(
            """async (names) => {
                const { group } = await import("/page/files.js");
                const { models } = group(names.map((name) => ({ name })));
                return models.map((one) => one.files.map((file) => file.name));
            }""",
            list(names),
        )
        assert found == wanted, names


def test_a_server_with_keys_asks_for_one(browser, tmp_path, files):
    from oakwright.server import make_key
    from tests.unit.server.conftest import Served

    keys = tmp_path / "keys"
    key = make_key(keys, "ann")
    served = Served(tmp_path / "data", ("--keys", str(keys))).start()
    context = browser.new_context()
    context.set_default_timeout(PATIENCE_MS)
    try:
        page = context.new_page()
        page.goto(served.url)
        expect(page.locator("#keyform")).to_be_visible()
        assert violations(page) == []
        page.goto(f"{served.url}/docs")
        expect(page.locator("#keyform")).to_be_visible()  # back to where the key is asked for
        page.fill("#key", key)
        page.press("#key", "Enter")
        expect(page.locator("#jobs")).to_contain_text("none yet")
        expect(page.locator("#keyform")).to_be_hidden()
        choose(page, *files(locked=doubled([1, 3, 8, 8])))
        page.select_option("#range", "0..255")
        converted(page)
        with page.expect_download() as download:
            page.click("#links a.main")
        assert download.value.suggested_filename == "locked.blob"
        download.value.save_as(tmp_path / "locked.blob")
        job = page.url.rpartition("#job=")[2]
        wanted = served.get(
            f"/api/v1/jobs/{job}/result", headers={"Authorization": f"Bearer {key}"}
        )
        assert (tmp_path / "locked.blob").read_bytes() == wanted.content
        page.goto(f"{served.url}/docs")
        expect(page.locator("#endpoints summary").first).to_be_visible()
    finally:
        context.close()
        served.stop()
