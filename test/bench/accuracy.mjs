// Accuracy at 4096 × 4096 against exact singular values: those of a Kronecker product B ⊗ C are the products of those of B
// and C, which are small enough to be solved in extended precision. B and C hold numbers of 26 bits, so that the entries of the
// product are exact; its rows and columns are permuted and its rows' signs changed, which changes no singular value.
//   npm run bench -- accuracy
// Needs a Python with numpy, whose own values are compared too. Takes about three minutes.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const threads = os.availableParallelism();
const size = 4096;

const program = `
import sys
import numpy as np
n = 64
rng = np.random.default_rng(1)
long = np.longdouble

def jacobi(a):
    # One-sided Jacobi rotations (Demmel and Veselic, 1992).
    a = a.astype(long).copy()
    for sweep in range(40):
        most = long(0)
        for i in range(n - 1):
            for j in range(i + 1, n):
                x, y = a[:, i], a[:, j]
                p, q, r = x @ x, y @ y, x @ y
                if p == 0 or q == 0: continue
                share = abs(r) / np.sqrt(p * q)
                if share > 1e-19:
                    most = max(most, share)
                    z = (q - p) / (2 * r)
                    t = (1 if z >= 0 else -1) / (abs(z) + np.sqrt(1 + z * z))
                    c = 1 / np.sqrt(1 + t * t)
                    a[:, i], a[:, j] = c * x - c * t * y, c * t * x + c * y
        if most < 1e-18: break
    return np.sqrt((a * a).sum(0))

normal = lambda: rng.standard_normal((n, n))
orthogonal = lambda: np.linalg.qr(normal())[0]
spectrum = lambda values: orthogonal() * values @ orthogonal()
numbers = np.arange(1, n + 1)
def kahan():
    s, c = np.sin(1.2), np.cos(1.2)
    return np.diag(s ** np.arange(n)) @ (np.eye(n) - c * np.triu(np.ones((n, n)), 1))
hilbert = lambda: 1 / (numbers[:, None] + np.arange(n)[None])
low = lambda rank: (rng.integers(-9, 10, (n, rank)) @ rng.integers(-9, 10, (rank, n))).astype(float)
kinds = {
    'Gaussian': lambda: (normal(), normal()),
    'power law': lambda: (spectrum(numbers ** -.5), spectrum(numbers ** -1.)),
    'geometric 1 ... 1e-12': lambda: (spectrum(np.logspace(0, -6, n)), spectrum(np.logspace(0, -6, n))),
    'low rank': lambda: (low(30), low(50)),
    'outlier columns': lambda: (normal() * np.where(np.arange(n) % 17 == 0, 1e3, 1), normal()),
    'graded': lambda: (normal() * np.logspace(0, -4, n)[:, None], normal() * np.logspace(0, -3, n)),
    'Kahan': lambda: (kahan(), kahan()),
    'Hilbert': lambda: (hilbert(), hilbert()),
    'integer': lambda: tuple(rng.integers(-100, 101, (n, n)).astype(float) for _ in range(2)),
    'repeated values': lambda: (spectrum(np.repeat([3., 2., 1., 1.], 16)), spectrum(np.repeat([2., 1.], 32))),
}
exact = lambda m: m if (m == np.round(m)).all() else np.round(m / np.abs(m).max() * 2 ** 25) / 2 ** 25
for name, make in kinds.items():
    b, c = map(exact, make())
    values = np.sort(np.outer(jacobi(b), jacobi(c)).ravel())[::-1]
    order, other, signs = rng.permutation(n * n), rng.permutation(n * n), rng.choice([-1., 1.], n * n)
    matrix = np.kron(b, c)[order][:, other] * signs[:, None]
    matrix.tofile(sys.argv[1] + '/matrix')
    values.astype(float).tofile(sys.argv[1] + '/values')
    error = np.max(np.abs(np.linalg.svd(matrix, compute_uv=False).astype(long) - values)) / values[0]
    print(name + '|' + str(float(error)), flush=True)
    sys.stdin.readline()
`;

const folder = mkdtempSync(path.join(os.tmpdir(), 'sigmascope-accuracy-'));
try {
  const sources = ['linalg/matrixWorkspace', 'runtime/onnxProducts'];
  await esbuild.build({ entryPoints: sources.map((name) => path.join(root, 'server', `${name}.ts`)), bundle: true, platform: 'node', target: 'node20', format: 'cjs', loader: { '.wasm': 'binary' }, external: ['onnxruntime-node'], outdir: folder, outbase: path.join(root, 'server'), logLevel: 'warning' });
  symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'), 'dir');
  const load = createRequire(import.meta.url);
  const [{ MatrixWorkspace }, { createOnnxProducts }] = sources.map((name) => load(path.join(folder, `${name}.js`)));
  const python = ['/usr/bin/python3', 'python3', 'python'].find((name) => spawnSync(name, ['-c', 'import numpy']).status === 0);
  if (python === undefined) throw new Error('This comparison needs a Python with numpy.');
  const workspace = await MatrixWorkspace.create(process.arch === 'x64' ? () => createOnnxProducts(threads) : null, threads);
  const child = spawn(python, ['-c', program, folder], { stdio: ['pipe', 'pipe', 'inherit'] });
  const read = (name) => {
    const bytes = readFileSync(path.join(folder, name));
    return new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  };
  console.log('| matrix | numpy | ours | numerical rank, ours and exact |\n|---|---|---|---|');
  for await (const line of createInterface({ input: child.stdout })) {
    const [name, error] = line.split('|');
    workspace.allocate(1, size, size).set(read('matrix'));
    const { singularValues } = await workspace.singularValues();
    const values = read('values');
    const worst = singularValues.reduce((most, value, i) => Math.max(most, Math.abs(value - values[i])), 0) / values[0];
    const rank = (list) => list.filter((value) => value > size * Number.EPSILON * list[0]).length;
    console.log(`| ${name} | ${Number(error).toExponential(1)} | ${worst.toExponential(1)} | ${rank(singularValues)}, ${rank(values)} |`);
    child.stdin.write('\n');
  }
  workspace.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
