/**
 * Words of the tabletop in plain lists: what people call colours, things and sizes, and which other words are English.
 * Shared by the corrections here and by the simulator's grammar, so that both understand the same words. Canonical names
 * are those of the simulator (`packages/sim/src/types.ts`); as text, since nothing may be imported into `runtime`.
 */

/** By canonical colour; the canonical word comes first. */
export const COLOUR_WORDS: Readonly<Record<string, readonly string[]>> = {
  red: ["red", "crimson", "scarlet", "ruby", "cherry", "vermilion", "reddish", "carmine"],
  green: ["green", "emerald", "lime", "jade", "mint", "greenish", "grassy"],
  blue: ["blue", "azure", "navy", "cobalt", "sapphire", "bluish", "cerulean"],
  yellow: ["yellow", "lemon", "canary", "mustard", "yellowish", "saffron", "sunny"],
  orange: ["orange", "tangerine", "apricot", "pumpkin", "peach", "orangey", "ginger"],
  purple: ["purple", "violet", "lilac", "lavender", "plum", "mauve", "purplish", "amethyst"],
  white: ["white", "ivory", "snowy", "pearly", "whitish", "milky", "chalky"],
  black: ["black", "ebony", "charcoal", "onyx", "inky", "sooty", "blackish"],
};

/** Colours that no thing of the tabletop has. */
export const STRANGE_COLOURS: readonly string[] = (
  "pink brown grey gray turquoise golden gold silver teal beige maroon magenta cyan bronze olive khaki transparent " +
  "striped rose salmon coral fuchsia tan taupe copper brass chrome metallic checkered dotted spotted rainbow " +
  "multicoloured camouflage aqua aquamarine chestnut chocolate sepia mahogany burgundy fawn hazel platinum pewter " +
  "slate ochre sand rust blonde brunette ash pastel neon fluorescent glittery speckled"
).split(" ");

/** By canonical kind; the canonical word comes first. Words of two tokens are written with one space. */
export const KIND_WORDS: Readonly<Record<string, readonly string[]>> = {
  block: ["block", "cube", "box", "brick", "dice", "die", "cuboid"],
  ball: ["ball", "sphere", "orb", "marble", "globe"],
  can: ["can", "cylinder", "tin", "tin can", "soda can", "canister"],
  bowl: ["bowl", "bin", "basket", "basin", "container", "tub", "vessel"],
  plate: ["plate", "dish", "saucer", "platter"],
  square: ["square", "patch", "mat", "zone", "marker", "pad", "area", "tile", "field", "spot", "region"],
  drawer: ["drawer", "cabinet drawer", "cabinet", "compartment"],
};

/** Plurals, for *how many blocks* and *all the cubes*. */
export function pluralOf(word: string): string {
  if (word === "die") return "dice";
  if (word === "patch") return "patches";
  if (word === "box") return "boxes";
  if (word === "dish") return "dishes";
  return `${word}s`;
}

/** Words for a thing of any kind. */
export const THING_WORDS: readonly string[] = ["thing", "object", "item", "one"];

export const SIZE_WORDS: Readonly<Record<string, readonly string[]>> = {
  small: [
    "small",
    "little",
    "tiny",
    "mini",
    "petite",
    "wee",
    "miniature",
    "compact",
    "smaller",
    "smallest",
    "littler",
    "tiniest",
  ],
  large: [
    "large",
    "big",
    "huge",
    "sizeable",
    "giant",
    "massive",
    "bulky",
    "larger",
    "bigger",
    "largest",
    "biggest",
    "hefty",
  ],
};

/** Words that say which of two or more by size: they need another size beside them to mean anything. */
export const COMPARATIVE_WORDS: ReadonlySet<string> = new Set([
  "smaller",
  "smallest",
  "littler",
  "tiniest",
  "larger",
  "bigger",
  "largest",
  "biggest",
]);

/** Said of a thing and true of all of them: nothing is chosen by these. */
export const IDLE_ADJECTIVES: ReadonlySet<string> = new Set([
  "wooden",
  "painted",
  "coloured",
  "colored",
  "round",
  "nice",
  "shiny",
  "plastic",
  "rubber",
  "toy",
  "lovely",
  "pretty",
  "only",
  "single",
  "very",
  "really",
  "cute",
]);

/** Things that people ask for and that never stand on this table. */
export const STRANGE_THINGS: readonly string[] = (
  "cup mug glass bottle fork spoon knife phone book pen pencil apple banana pear lemonade sandwich egg car train " +
  "boat teapot kettle key coin hammer screwdriver wrench scissors towel sponge shoe sock hat flower plant candle " +
  "lamp clock watch doll duck dinosaur triangle pyramid cone star ring donut doughnut hexagon rope stick wheel " +
  "battery mouse keyboard laptop remote card envelope paper newspaper magazine brush comb soap toothbrush pillow " +
  "blanket carrot potato tomato onion bread cheese cookie cake pizza burger jar lid tray pan pot bucket vase hose " +
  "screw nail bolt nut bell button puppet robot tower chair shelf door window wallet glove rock stone leaf tube " +
  "pipe prism umbrella backpack helmet scarf jacket shirt trousers sandal boot slipper necklace bracelet earring " +
  "watchband guitar violin piano drum trumpet flute whistle harmonica microphone speaker headphones television " +
  "radio monitor printer scanner tablet charger cable socket fuse lightbulb torch lantern lighter ashtray cigarette " +
  "cigar tractor truck bicycle scooter motorbike aeroplane helicopter rocket submarine sailboat canoe grape " +
  "strawberry raspberry melon pineapple mango coconut avocado cucumber lettuce cabbage broccoli pepper garlic " +
  "mushroom corn bean pea noodle pasta rice soup steak sausage bacon shrimp yoghurt butter honey jam candy whisk " +
  "spatula ladle grater peeler colander blender toaster oven fridge freezer microwave dishwasher hedgehog rabbit " +
  "cat dog horse cow pig sheep goat lion tiger elephant giraffe monkey parrot penguin owl turtle frog snake spider " +
  "butterfly needle thread yarn ribbon zip eraser stapler paperclip folder notebook calendar compass telescope " +
  "binoculars magnet thermometer statue trophy medal balloon kite yoyo frisbee racket dart sword shield crown"
).split(" ");

/** Close to a word of ours, but English on their own: never taken for a typing error. */
export const NOT_TYPOS: ReadonlySet<string> = new Set(
  (
    "bell bull call fall hall tall wall mall doll dull pull full fill hill will well tell sell bill bald bold bolt " +
    "clock black flock lock rock sock knock dock stock brook truck trick track stack crane plane place plant late " +
    "slate skate state grate crate date gate hate mate rate plates plat squire squash bread broad tread dread read rod " +
    "bed fed led wed rid reel need reed seed greet greed great grain gleam glue clue flue blur bluff fellow follow " +
    "mellow hollow bellow arrange range while whole wide wine line mine pine nine live like bike hike nice ice dine " +
    "sphere spare share snare stare scare fin bin win pin sin tin can ban fan man pan ran tan van cap cat car care cane " +
    "fox fix mix six sax tax wax max box boy bow row low now how cow mow tow sow bowls owl howl fowl growl foul soul " +
    "draw drawn drawing dresser lower flower power tower shower math path bath mad map man mask mast mate bat fat hat " +
    "rat sat vat eat oat zone tone bone cone done gone none lone stone phone alone pat pay past part party port post " +
    "cubs tube cure curl cute cuba rude dude nude pushy bush rush hush lush mush posh wash dash cash gash bash lash " +
    "took look book cook hook lift left gift lint list loft lie tie pie pick sick kick lick tick wick pack pink peck " +
    "puck luck duck suck tuck grub grand grape crab drab gram brave grave put but cut gut hut nut rut pit pot pet pub " +
    "open oven pen ten men hen den then clothes those these closet loose lose rose nose hose dose chose show shut shot " +
    "point paint joint print pint side ride hide wide rain pain main gain train sang rang hang song sing rung joke " +
    "poke coke choke cloak bloke glad blast blank blend bland heart hear heat beat beast chair hair fair pair air flair lunch three two ten long king had has cloth market made make mine"
  ).split(" "),
);

function inverted(lists: Readonly<Record<string, readonly string[]>>): ReadonlyMap<string, string> {
  const map = new Map<string, string>();
  for (const [canonical, words] of Object.entries(lists)) for (const word of words) map.set(word, canonical);
  return map;
}

/** Word to canonical colour, kind, size. */
export const COLOUR_OF: ReadonlyMap<string, string> = inverted(COLOUR_WORDS);
export const KIND_OF: ReadonlyMap<string, string> = inverted(KIND_WORDS);
export const SIZE_OF: ReadonlyMap<string, string> = inverted(SIZE_WORDS);

/** Plural to canonical kind. */
export const PLURAL_OF: ReadonlyMap<string, string> = new Map(
  [...KIND_OF].map(([word, kind]): [string, string] => [pluralOf(word), kind]).filter(([word]) => !KIND_OF.has(word)),
);
