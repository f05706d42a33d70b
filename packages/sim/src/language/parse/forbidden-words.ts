/** Words of violence and recklessness, as alternatives for patterns. */

export const THROWN =
  "throw|throwing|threw|thrown|toss|tossing|hurl|hurling|fling|flinging|chuck|chucking|lob|catapult|launch|pitch|shoot|sling|pelt|bombard|projectile|fire|whip|zip|yeet";
export const HARM =
  "punch|stab|slap|attack|hurt|hurting|kill|strangle|injure|wound|murder|harm|choke|assault|burn|bite|scratch|pinch|scare|kick|beat|whack|smack|jab|bruise|poke|bleed|threaten|weapon|squeeze|clobber|pummel|thump|batter|smother";
export const BREAK =
  "smash|smashing|crush|crushing|break|breaking|destroy|destroying|wreck|shatter|bash|slam|squash|rip|ram|demolish|explode|hammer on|bang|crack|tear|ruin|damage|pulverise|pulverize|stamp|split|trample|stomp|step on|jump on|crash|pound|burst|puncture";
export const SOMEONE =
  "me|him|her|them|us|you|yourself|someone|somebody|anyone|person|man|woman|lady|child|kid|baby|cat|dog|visitor|operator|brother|sister|mother|father|" +
  "friend|nurse|boss|teacher|neighbour|neighbor|photographer|audience|onlookers|people|human|hand|fingers|foot|head|face|eye|eyes|window|wall|lamp|camera|monitor";

/** Verbs of violence that a slip of the finger must not hide. */
export const FORBIDDEN_WORDS: readonly string[] = [
  ...`${THROWN}|${HARM}|${BREAK}`.split("|").filter((word) => !word.includes(" ")),
  ..."ignore disable bypass override safety limits limit floor edge ground emergency forget rules instructions table knock everything".split(
    " ",
  ),
  ...SOMEONE.split("|"),
];
