# Two commands do all the set-up, each in a virtual environment that it makes itself: make export, make test.
# The command that they install is .venv/bin/mnist-edge; make wheel makes what others install.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/

.PHONY: export test wheel api train small seeds card benchmark check compat lowest arm pythons cross c-code c-peers cortex-m fuzz choices compression frontier activity screenshots rejection overhead engine training-speed handwriting pictures numbers number-costs browser zoo memory scoring figures schemas constraints readme clean

export: $(VENV)/export  ## the main job: the shipped .keras files -> verified .onnx files
	$(RUN)mnist-edge export --precision all
	$(RUN)mnist-edge export artifacts/mnist-mlp-small.keras --precision fp32,int8
	@echo "The command is $(RUN)mnist-edge. To type it as mnist-edge: . $(RUN)activate"

test: $(VENV)/dev  ## all tests
	$(RUN)pytest

wheel:  ## the package without the build half's libraries, in dist/: pip and pipx install it
	$(PYTHON) -m venv build/packaging
	build/packaging/bin/pip wheel -q --no-deps --wheel-dir dist .
	@for file in dist/mnist_edge-*.whl; do echo "Install it: pip install $$file, or pipx install $$file"; done

train: $(VENV)/export  ## trains the shipped network anew
	$(RUN)mnist-edge train

small: $(VENV)/export  ## makes the shipped small network anew
	$(RUN)mnist-edge compress artifacts/mnist-mlp.keras --widths 128,64 --out artifacts/mnist-mlp-small.keras

seeds: $(VENV)/export  ## trains its recipe from three seeds, writes artifacts/seeds.json
	$(RUN)python -m tests.measurements.seeds

card: $(VENV)/export  ## writes artifacts/MODEL_CARD.md and artifacts/misread.png
	$(RUN)python -m tests.measurements.card

benchmark: $(VENV)/export  ## how fast the files in artifacts/ are on this machine
	$(RUN)mnist-edge benchmark

check: $(VENV)/dev  ## style, types and import rules
	$(RUN)ruff check .
	$(RUN)ruff format --check .
	$(RUN)mypy
	$(RUN)lint-imports

compat: $(VENV)/dev  ## runs every shipped file in other engines, writes docs/compatibility.md
	$(RUN)python -m tests.compat.matrix

lowest: $(VENV)/dev  ## the tests of the runtime half with the lowest versions that pyproject.toml allows
	$(RUN)python -m tests.compat.lowest

arm: $(VENV)/dev  ## the runtime half on aarch64, in qemu's user mode: Debian's packages, aarch64 wheels
	$(RUN)python -m tests.compat.arm

pythons: $(VENV)/dev  ## the runtime half with each Python that is there, others by what pip finds
	$(RUN)python -m tests.compat.pythons

cross: $(VENV)/dev  ## the C code on other CPUs: Debian's cross compilers, qemu-user-static
	$(RUN)python -m tests.c99.cross

c-code: $(VENV)/dev  ## the C code beside LiteRT's full int8 and onnxruntime
	$(RUN)python -m tests.measurements.c_code

c-peers: $(VENV)/dev  ## the C code beside emx-onnx-cgen, bakenn and tflite-micro, in an environment of their own
	$(RUN)python -m tests.measurements.c_peers

cortex-m: $(VENV)/dev  ## instructions and flash of the C code on Cortex-M, in QEMU
	$(RUN)python -m tests.measurements.cortex_m

fuzz: $(VENV)/dev  ## hostile inputs for each reader, half an hour of them; counts in docs/security.md
	$(RUN)python -m tests.fuzz --minutes 30 --seed $(or $(SEED),0)

choices: $(VENV)/dev  ## the measurements behind the settings of the quantized forms
	$(RUN)python -m tests.measurements.choices

overhead: $(VENV)/dev  ## what the Predictor and the command line cost beside the bare engine
	$(RUN)python -m tests.measurements.overhead

engine: $(VENV)/dev  ## where the time of one image goes, and other ways to write the int8 network
	$(RUN)python -m tests.measurements.engine

zoo: $(VENV)/dev  ## some thirty usual classifiers, trained, exported, measured; writes docs/zoo.md
	$(RUN)python -m tests.measurements.zoo

training-speed: $(VENV)/dev  ## an epoch of ours beside Keras' fit, numpy and PyTorch
	$(RUN)python -m tests.measurements.training_speed

handwriting: $(VENV)/dev  ## how well the shipped networks read digits that are not MNIST's
	$(RUN)python -m tests.measurements.handwriting

pictures: $(VENV)/dev  ## what a picture costs, beside OpenCV's recipe, and how well pictures are read
	$(RUN)python -m tests.measurements.picture_steps docs/pictures.png
	$(RUN)python -m tests.measurements.pictures

browser: $(VENV)/dev  ## what a drawing and a photo cost in the page, in Chromium
	$(RUN)python -m tests.measurements.browser

numbers: $(VENV)/dev  ## how well whole numbers are read, and what that costs
	$(RUN)python -m tests.measurements.numbers
	$(RUN)python -m tests.measurements.number_boxes docs/numbers.png

number-costs: $(VENV)/dev  ## fit what a digit costs on the path through a row: tests/measurements/number_costs.py
	$(RUN)python -m tests.measurements.number_costs

memory: $(VENV)/dev  ## what the Predictor takes of memory and disk
	$(RUN)python -m tests.measurements.memory

scoring: $(VENV)/dev  ## what score costs beside the bare engine, and its memory
	$(RUN)python -m tests.measurements.scoring
	$(RUN)python -m tests.measurements.scoring --memory-of 2000000
	$(RUN)python -m tests.measurements.scoring --memory-of 20000000
	$(RUN)python -m tests.measurements.scoring_engines

compression: $(VENV)/dev  ## narrower networks from three seeds, and what tells which units are kept
	$(RUN)python -m tests.measurements.compression

frontier: $(VENV)/dev  ## accuracy, size and latency of eight widths: docs/frontier.json and .png
	rm -f build/frontier/frontier.json build/frontier/frontier.png
	$(RUN)python -m tests.measurements.frontier || [ $$? -eq 1 ]  # a width that fails is a row
	cp build/frontier/frontier.json build/frontier/frontier.png docs

screenshots: $(VENV)/dev  ## the web page in both themes, as docs/ shows it
	$(RUN)python -m tests.web.screenshots

activity: $(VENV)/dev  ## how many units an activity penalty silences, and what it costs
	$(RUN)python -m tests.measurements.activity

rejection: $(VENV)/dev  ## what Prediction.rejected catches
	$(RUN)python -m tests.measurements.rejection

figures: $(VENV)/dev  ## nearly all of the above, of one commit: every table of README and docs, an hour and a half
	$(RUN)python -m tests.measurements.figures

readme: $(VENV)/dev  ## every block of README.md as written, in a fresh copy of what is committed
	$(RUN)python -m tests.readme

schemas: $(VENV)/dev  ## writes docs/*.schema.json from the classes of the documents
	$(RUN)python -m tests.schemas

api: $(VENV)/dev  ## writes docs/api.md from the docstrings of what mnist_edge exports
	$(RUN)python -m tests.api

constraints:  ## writes constraints.txt anew from the newest versions that pyproject.toml allows
	$(PYTHON) -m venv --clear build/constraints
	build/constraints/bin/pip install -q '.[peers,dev]'
	(sed -n '/^#/p' constraints.txt; build/constraints/bin/pip freeze --exclude mnist-edge) > build/constraints.txt
	mv build/constraints.txt constraints.txt

clean:
	rm -rf $(VENV) build dist

$(VENV)/export: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(RUN)pip install -q -c constraints.txt -e '.[export]'
	@touch $@

$(VENV)/dev: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(RUN)pip install -q -c constraints.txt -e '.[peers,dev]'
	@touch $@
