/** How much peers may send one another; what is signed has its limits where it is made. */

/** Explanations for people, in characters; longer ones are cut. */
export const MAX_EXPLANATION_LENGTH = 1_000
/** Members of a cluster: agents and tunnel servers together. */
export const MAX_MEMBERS = 10_000
