/** The text of `sigmascope --help`. */
export function helpText(version: string): string {
  return `sigmascope ${version}: the singular values of a trained neural network

Usage
  sigmascope analyze MODEL [options]       analyse a model file (.onnx, .safetensors, .safetensors.index.json)
  sigmascope probe MODEL --inputs X --attack pgd --epsilon E --out FILE.npz [options]
                                           perturb inputs so that the network errs, and measure how often it does
  sigmascope render REPORT.json [options]  write a saved report in another format

Output (analyze, render)
  --format FORMAT      text (default), json, html, csv, weightwatcher, sarif, markdown
  --out FILE           write there instead of to standard output
  --no-timings         leave out how long it took: the same inputs give the same bytes
  --quiet              no progress

What to analyse
  --only LIST          of weights, jacobian (weights, and jacobian where inputs are given or sigmascope.json names some)
  --layers GLOB        only layers whose id matches, e.g. "encoder.layers.0.*"
  --operator MODE      exact spectra of convolution operators: none, norms (default), full

Inputs (analyze, probe)
  --inputs FILE        npz, FILE.npz#NAME, npy, csv or a folder of pictures, batch first
  --labels FILE        npz#NAME, npy or csv (the array y, the first column or the subfolders of the inputs)
  --preprocess STEPS   "[x/255] [mean=a[,b,…]] [std=a[,b,…]]" in this order (none)
  --layout LAYOUT      nchw or nhwc: how the file orders its axes
  --range LO,HI        what inputs may be, before mean and std (0,1 with x/255, else the given values' own range)
  --resize             resize pictures of other sizes
  --input NAME, --output NAME   by which input and of which output (the first floating-point ones)
  --samples N          how many inputs are taken, drawn by the seed (analyze 100, probe all)
  --precision TYPE     of the network and its derivatives: float32 (default), float64

How to run
  --seed N             of everything random (0)
  --threads N          worker processes (as many as the machine has processors)
  --max-memory MB      working memory of the analysis (half of the machine's); larger dense layers are read in blocks,
                       others that need more are listed as skipped
  --timeout S          stop after S seconds and print what was done
  --cache DIR          keep results there and use them again (none)
  --config FILE        rules, silenced findings and gates (the nearest sigmascope.json above the model)

Attacks (probe, which also takes --seed, --threads, --timeout, --no-timings, --quiet and --format text or json)
  --attack NAME        random, fgsm, pgd, deepfool
  --epsilon E          most that an input is moved, after x/255 and before mean and std: 0.03 or 8/255
  --norm NORM          how that is measured: linf (default), l2
  --steps N            fgsm 1, pgd 40, deepfool 50
  --step-size S        of fgsm and pgd (2.5·E/N)
  --restarts N         of random and pgd (1)
  --attack-loss LOSS   what is made large: cross-entropy (default), margin
  --out FILE.npz       x, y, clean, prediction, success, epsilon

Gates
  --fail-on RULE|SEVERITY[>COUNT]   exit with 1 when more than COUNT (0) findings match; may be repeated, globs allowed;
                                    a severity (error, warning, information, hint) means that one or worse
  --baseline REPORT.json            exit with 1 when something got worse than in that saved report

  --help, --version

Exit codes
  0 done · 1 a gate failed · 2 wrong usage · 3 file unreadable · 4 internal error · 124 timed out · 130 cancelled
`;
}
