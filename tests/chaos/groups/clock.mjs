// clock
export default [];
