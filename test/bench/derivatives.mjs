// Jacobians of whole batches, ours against PyTorch on the same exported networks, in turns in one run:
//   npm run bench -- derivatives [mlp] [cnn] [vit] [resnet] [largest] [--rounds N] [--json FILE]
// PyTorch's time is that of its faster method here: one backward pass per output (torch.autograd.grad). Both sides end with
// one float32 array, input after input. Numbers are compared with PyTorch's in float64. Building the derivative graph and loading it, once per network, is not in the times and is told
// beside them. `largest`: the 20 largest singular values of a Jacobian of 50,176 × 50,176 by its products, with what their
// residuals show; random weights have a flat spectrum, the hardest kind. Needs a Python with torch and onnx.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import * as esbuild from 'esbuild';
import { processorClock } from './processes.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const { values: options, positionals } = parseArgs({ args: process.argv.slice(2).filter((name) => name !== 'derivatives'), allowPositionals: true, options: { rounds: { type: 'string' }, json: { type: 'string' } } });
const rounds = Number(options.rounds ?? 7);
const folder = mkdtempSync(path.join(os.tmpdir(), 'sigmascope-bench-'));

const turnMilliseconds = 300;
const mostRuns = 20;
/** Ratios that are aimed at: ours at least so many times as fast. */
const networks = {
  mlp: { title: 'MLP 784-512-512-10, 64 inputs', target: 2 },
  cnn: { title: 'CNN of 1.1 million parameters, 64 images of 3 × 32 × 32', target: 1.1 },
  vit: { title: 'ViT of 4 blocks, 96 wide, 16 images of 3 × 32 × 32', target: 1.5 },
  resnet: { title: 'ResNet18, 8 images of 3 × 64 × 64', target: 1 },
};
/** A convolution, 3 × 3, and the milliseconds that are aimed at for its 20 largest values. */
const largest = { channels: 256, side: 14, count: 20, tolerance: 1e-3, target: 1000 };

const program = `
import math, sys, time, warnings
warnings.filterwarnings('ignore')
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
folder = sys.argv[1]

class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.qkv, self.out = heads, nn.Linear(width, 3 * width), nn.Linear(width, width)
    def forward(self, x):
        batch, tokens, width = x.shape
        q, k, v = self.qkv(x).reshape(batch, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        weights = (q @ k.transpose(-2, -1) / math.sqrt(width // self.heads)).softmax(-1)
        return self.out((weights @ v).transpose(1, 2).reshape(batch, tokens, width))

class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.first, self.attention, self.second = nn.LayerNorm(width), Attention(width, heads), nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
    def forward(self, x):
        x = x + self.attention(self.first(x))
        return x + self.mlp(self.second(x))

class VisionTransformer(nn.Module):
    def __init__(self, width=96, depth=4):
        super().__init__()
        self.patches = nn.Conv2d(3, width, 4, 4)
        self.token, self.positions = nn.Parameter(0.1 * torch.randn(1, 1, width)), nn.Parameter(0.1 * torch.randn(1, 65, width))
        self.blocks, self.norm, self.head = nn.Sequential(*[Block(width, 4) for _ in range(depth)]), nn.LayerNorm(width), nn.Linear(width, 10)
    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.positions
        return self.head(self.norm(self.blocks(x))[:, 0])

class Residual(nn.Module):
    def __init__(self, inside, outside, stride):
        super().__init__()
        self.first, self.firstNorm = nn.Conv2d(inside, outside, 3, stride, 1, bias=False), nn.BatchNorm2d(outside)
        self.second, self.secondNorm = nn.Conv2d(outside, outside, 3, 1, 1, bias=False), nn.BatchNorm2d(outside)
        self.short = nn.Sequential(nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside)) if stride != 1 or inside != outside else nn.Identity()
    def forward(self, x):
        y = F.relu(self.firstNorm(self.first(x)))
        return F.relu(self.secondNorm(self.second(y)) + self.short(x))

def resnet18():
    sizes = [(64, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 256, 1), (256, 512, 2), (512, 512, 1)]
    return nn.Sequential(nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1), *[Residual(*s) for s in sizes], nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))

def cnn():
    step = lambda a, b: [nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU()]
    return nn.Sequential(*step(3, 32), *step(32, 64), nn.MaxPool2d(2), *step(64, 128), *step(128, 128), nn.MaxPool2d(2), *step(128, 256), *step(256, 256), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, 10))

makers = {
    'mlp': (lambda: nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)), (64, 784)),
    'cnn': (cnn, (64, 3, 32, 32)),
    'vit': (VisionTransformer, (16, 3, 32, 32)),
    'resnet': (resnet18, (8, 3, 64, 64)),
    'largest': (lambda: nn.Conv2d(256, 256, 3, padding=1, bias=False), (1, 256, 14, 14)),
}

def jacobian(network, x):
    x = x.clone().requires_grad_(True)
    y = network(x)
    return torch.stack([torch.autograd.grad(y[:, k].sum(), x, retain_graph=True)[0] for k in range(y.shape[1])], 1)

ready = {}
for line in sys.stdin:
    command, name = line.split()
    if command == 'make':
        make, shape = makers[name]
        network, x = make().eval(), torch.randn(shape)
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.2), module.running_var.uniform_(0.5, 1.5)
        torch.onnx.export(network, x, f'{folder}/{name}.onnx', opset_version=17, input_names=['x'], output_names=['y'], dynamic_axes={'x': {0: 'n'}, 'y': {0: 'n'}})
        x.numpy().tofile(f'{folder}/{name}.x')
        if name == 'largest':
            print(*shape, flush=True)
            continue
        network.double()
        jacobian(network, x.double()).numpy().tofile(f'{folder}/{name}.jacobian')
        network.float()
        ready[name] = network, x
        print(*shape, flush=True)
    else:
        start = time.perf_counter()
        jacobian(*ready[name])
        print(1000 * (time.perf_counter() - start), flush=True)
`;

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
/** Threads of a BLAS go on waiting by spinning after their call. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 150));

const results = [];
try {
  const python = ['/usr/bin/python3', 'python3', 'python'].find((name) => spawnSync(name, ['-c', 'import torch, onnx']).status === 0);
  if (python === undefined) throw new Error('This comparison needs a Python with torch and onnx.');
  const sources = ['derivatives/importGraph', 'derivatives/networkDerivatives', 'formats/open', 'linalg/krylov/familyLanczos', 'linalg/random'];
  await esbuild.build({ entryPoints: sources.map((name) => path.join(root, 'server', `${name}.ts`)), bundle: true, platform: 'node', target: 'node20', format: 'cjs', external: ['onnxruntime-node'], outdir: folder, outbase: path.join(root, 'server'), loader: { '.wasm': 'binary' }, logLevel: 'warning' });
  symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'), 'dir');
  const load = createRequire(import.meta.url);
  const { importGraph, NetworkDerivatives, openModelFile, familySingularValues, RandomGenerator } = Object.assign({}, ...sources.map((name) => load(path.join(folder, `${name}.js`))));
  const child = spawn(python, ['-c', program, folder], { stdio: ['pipe', 'pipe', 'inherit'] });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (command, name) => {
    child.stdin.write(`${command} ${name}\n`);
    return (await answers.next()).value.split(' ').map(Number);
  };
  for (const [name, { title, target }] of Object.entries(networks)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    const shape = await ask('make', name);
    const bufferOf = (ending) => {
      const bytes = readFileSync(path.join(folder, `${name}.${ending}`));
      return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
    };
    const batch = { x: { dtype: 'float32', shape, elements: new Float32Array(bufferOf('x')) } };
    const reference = new Float64Array(bufferOf('jacobian'));
    const network = await importGraph(await openModelFile(path.join(folder, `${name}.onnx`)));
    const start = performance.now();
    const derivatives = await NetworkDerivatives.create(network, batch, { precision: 'float32' });
    const { rows, columns, matrices } = await derivatives.jacobians('y', 'x', batch);
    const preparation = performance.now() - start;
    let [largest, difference] = [0, 0];
    for (let i = 0; i < reference.length; i++) {
      largest = Math.max(largest, Math.abs(reference[i]));
      difference = Math.max(difference, Math.abs(matrices[Math.floor(i / (rows * columns))][i % (rows * columns)] - reference[i]));
    }
    const times = { ours: [], torch: [] };
    const clock = processorClock();
    const timed = async () => {
      const from = performance.now();
      await derivatives.jacobians('y', 'x', batch);
      return performance.now() - from;
    };
    // After a pause the first run also measures how fast the machine wakes up: small networks run several times a turn.
    const runs = Math.max(1, Math.min(mostRuns, Math.round(turnMilliseconds / (await timed()))));
    for (let round = 0; round < rounds; round++) {
      await settled();
      for (let run = 0; run < runs; run++) times.ours.push(await timed());
      await settled();
      for (let run = 0; run < runs; run++) times.torch.push((await ask('time', name))[0]);
    }
    await derivatives.release();
    const foreign = clock();
    const ratio = median(times.torch) / median(times.ours);
    const least = Math.min(...times.torch) / Math.min(...times.ours);
    results.push({ name, title, target, ours: median(times.ours), torch: median(times.torch), ratio, preparation, difference: difference / largest });
    console.log(`${title.padEnd(58)} ours ${median(times.ours).toFixed(1).padStart(7)} ms, torch ${median(times.torch).toFixed(1).padStart(7)} ms: ${ratio.toFixed(2)}× (${least.toFixed(2)}× by the least) ${ratio >= target ? `ok ≥ ${target}` : `MISSED ${target}`}; difference ${(difference / largest).toExponential(1)}, first ${preparation.toFixed(0)} ms${foreign === null ? '' : `, ${Math.round(100 * foreign)} % foreign`}`);
  }
  if (positionals.length === 0 || positionals.includes('largest')) {
    const shape = await ask('make', 'largest');
    const bytes = readFileSync(path.join(folder, 'largest.x'));
    const batch = { x: { dtype: 'float32', shape, elements: new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)) } };
    const derivatives = await NetworkDerivatives.create(await importGraph(await openModelFile(path.join(folder, 'largest.onnx'))), batch, { precision: 'float32' });
    const operator = derivatives.jacobianOperator('y', 'x', batch);
    const { count, tolerance, target } = largest;
    let inProducts = 0;
    const watched = (multiply) => async (...vectors) => {
      const from = performance.now();
      await multiply(...vectors);
      inProducts += performance.now() - from;
    };
    const family = { members: 1, rows: operator.rows, columns: operator.columns, applyBlock: watched(operator.applyBlock), applyTransposedBlock: watched(operator.applyTransposedBlock) };
    const runs = [];
    for (let round = 0; round < rounds; round++) {
      inProducts = 0;
      const from = performance.now();
      const [found] = await familySingularValues(family, { count, tolerance, random: new RandomGenerator(round) });
      runs.push({ milliseconds: performance.now() - from, inProducts, products: found.products, relativeError: found.relativeError });
    }
    await derivatives.release();
    const milliseconds = median(runs.map((run) => run.milliseconds));
    results.push({ name: 'largest', target, milliseconds, runs });
    console.log(`${`${count} largest of ${operator.rows} × ${operator.columns}, random weights`.padEnd(58)} ours ${milliseconds.toFixed(0).padStart(7)} ms, of it ${median(runs.map((run) => run.inProducts)).toFixed(0)} ms in ${median(runs.map((run) => run.products))} products, stated error ${Math.max(...runs.map((run) => run.relativeError)).toExponential(1)} ${milliseconds <= target ? `ok ≤ ${target}` : `MISSED ${target}`}`);
  }
  child.stdin.end();
  if (options.json) writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
