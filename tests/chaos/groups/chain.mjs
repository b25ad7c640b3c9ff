// chain
export default [];
