/** Word lists for taking politeness and verb forms off a sentence, without apostrophes (see `wordsOf`). */

/** Said anywhere, meaning nothing to the task. */
export const FILLERS: ReadonlySet<string> = new Set(
  "please pls plz kindly just now gently slowly carefully quickly softly nicely again uh um er eh really simply".split(
    " ",
  ),
);

/** Peeled off the front, as often as they come. */
export const LEADS: readonly string[] = (
  "hey|hi|hello|ok|okay|alright|right then|robot|dear robot|i think|i believe|i guess|be a dear and|i would appreciate it if you could|id appreciate it if you could|id appreciate it if you would|id be glad if you could|id be grateful if you could|it would help if you could|well|so|yes|yeah|good morning|listen|computer|" +
  "could you|can you|would you|will you|could u|can u|would u|wont you|can we|could we|would you be able to|" +
  "could i ask you to|can i ask you to|may i ask you to|i wonder if you could|i was wondering if you could|" +
  "do you think you can|do you think you could|do you suppose you can|do you suppose you could|are you able to|would you mind|do you mind|how about|what about|why dont you|if you would|be so kind and|be so kind as to|" +
  "id like you to|i would like you to|i want you to|i need you to|i ask you to|id love you to|i would love you to|" +
  "i would love it if you|id love it if you|it would be nice if you|it would be great if you could|" +
  "i would appreciate it if you|you should|you must|you have to|you need to|you may|you can|you could|" +
  "your task is to|your job is to|the task is to|your task|task|instruction|lets|let us|try to|try|go ahead and|" +
  "go on and|do me a favour and|do me a favor and|go and|come and|help me to|help me|use your gripper to|" +
  "use the gripper to|next|then|first|and|lets see you|would it be possible to|is it possible to|feel free to|" +
  "make sure to|make sure you|remember to|time to|proceed to|i d like you to"
).split("|");
export const TAILS: readonly string[] = (
  "thanks|thank you|thanks a lot|thank you very much|thx|for me|would you|will you|could you|can you|if you can|" +
  "if you could|if possible|if you would|ok|okay|alright|cheers|my dear|for us|and thanks in advance|" +
  "right away|immediately|at once|today|dear|if you like|mate|buddy|and stop|then stop"
).split("|");

export const VERB_BASES: readonly string[] = (
  "pick grab take lift get grasp raise hold grip go reach close put place set lay drop bring carry transfer push shove slide " +
  "nudge move stack pile balance build make open pull point show indicate aim hoist fetch snatch collect scoop park deposit " +
  "pop leave relocate scoot shift drag sweep herd perch rest heap crown draw tug yank unclose ease press seal gesture direct " +
  "single shut seize position stick dump stow insert transport roll elevate retrieve clutch catch tidy tap touch let need " +
  "want like love see give keep lower return rotate turn flip tilt spin"
).split(" ");
