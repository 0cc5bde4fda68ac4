// Files that were chosen or dropped, put together into models.
const BESIDE = [".bin", ".pdiparams", ".data", ".weights", ".mapping", ".json"];
const PAIRS = { ".xml": ".bin", ".pdmodel": ".pdiparams", ".prototxt": ".caffemodel" };

const ending = (name) => (name.lastIndexOf(".") > 0 ? name.slice(name.lastIndexOf(".")).toLowerCase() : "");
const stem = (name) => name.slice(0, name.length - ending(name).length);

/** Models among files: `[{ name, files }]`, and files that belong to none. */
export function group(files) {
  const rest = [...files];
  const take = (fits) => {
    const at = rest.findIndex(fits);
    return at < 0 ? [] : rest.splice(at, 1);
  };
  const heads = rest.filter((file) => !BESIDE.includes(ending(file.name)) && ending(file.name) !== ".caffemodel");
  const models = heads.map((head) => {
    rest.splice(rest.indexOf(head), 1);
    return { name: stem(head.name) || head.name, files: [head] };
  });
  for (const model of models) {
    const [head] = model.files;
    const wanted = PAIRS[ending(head.name)];
    if (!wanted) continue;
    const same = take((file) => ending(file.name) === wanted && stem(file.name) === stem(head.name));
    // One model and one file of weights belong together whatever they are called.
    model.files.push(...(same.length || models.length > 1 ? same : take((file) => ending(file.name) === wanted)));
  }
  // External data of one ONNX file; with several models nobody knows whose it is but by its name.
  for (const file of [...rest]) {
    const owners = models.filter((model) => models.length === 1 || file.name.startsWith(model.name));
    if (owners.length !== 1) continue;
    owners[0].files.push(...rest.splice(rest.indexOf(file), 1));
  }
  return { models, rest };
}
